"""The commands, one a file; `ringproof.cli` names them and loads each when it is used."""
