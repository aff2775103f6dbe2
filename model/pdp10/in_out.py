"""The eight in-out functions: DATAI, DATAO, CONI, CONO, CONSZ, CONSO, BLKI and BLKO.

A device is what it answers: a word of data and a word of conditions. The processor (APR), its priority
interrupt system (PI) and the KI10's pager (PAG) are devices too, and have classes of their own. All other
devices keep the last word that each was given.
"""

from collections.abc import Callable, Mapping
from functools import partial

from ..machine import DEVICE, Machine
from ..terms import Array, Term, bits, concat
from .group import prepare
from .machine import ILLEGAL, PDP10
from .word import encode_in_out, in_right, operand_text, right


class Device:
    """Devices numbered `first` to `last`; the number is the device code without its last two bits."""

    name = "device"
    first = 0
    last = 0

    def data(self, cpu: PDP10, device: Term) -> Term:
        return cpu.DATA[device]  # type: ignore[no-any-return]

    def set_data(self, cpu: PDP10, device: Term, word: Term) -> None:
        cpu.DATA = cpu.DATA.set(device, word)

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        return cpu.CONDITIONS[device]  # type: ignore[no-any-return]

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        cpu.CONDITIONS = cpu.CONDITIONS.set(device, in_right(e))


class OtherDevices(Device):
    """A range of devices that the model knows nothing about."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self.name, self.first, self.last = name, first, last


def declare_devices(machine: Machine) -> None:
    machine.component("DATA", Array(7, 36), DEVICE, "the data of each device, by number")
    machine.component("CONDITIONS", Array(7, 36), DEVICE, "the conditions of each device, by number")


Function = Callable[[Device, PDP10, Term, Term], None]
"""`function(device, cpu, number, e)`."""


def _data_in(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """C(E) := the device's data."""
    cpu.write(e, device.data(cpu, number))


def _data_out(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """The device's data := C(E)."""
    device.set_data(cpu, number, cpu.read(e))


def _conditions_in(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """C(E) := the device's conditions."""
    cpu.write(e, device.conditions(cpu, number))


def _conditions_out(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """E sets the device's conditions."""
    device.set_conditions(cpu, number, e)


def _skip_if_zero(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """Skips if all conditions that E selects are 0."""
    cpu.skip((device.conditions(cpu, number) & in_right(e)) == 0)


def _skip_if_one(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """Skips if some condition that E selects is 1."""
    cpu.skip((device.conditions(cpu, number) & in_right(e)) != 0)


def _next_of_block(cpu: PDP10, e: Term) -> Term:
    """Adds 1 to both halves of C(E); skips unless the count is up; the address of the word to move."""
    pointer, done = cpu.add_to_halves(cpu.read(e), 1)
    cpu.write(e, pointer)
    cpu.skip(~done)
    return right(pointer)


def _block_in(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """DATAI to the next word of the block to which C(E) points; skips unless it is the last."""
    _data_in(device, cpu, number, _next_of_block(cpu, e))


def _block_out(device: Device, cpu: PDP10, number: Term, e: Term) -> None:
    """DATAO from the next word of the block to which C(E) points; skips unless it is the last."""
    _data_out(device, cpu, number, _next_of_block(cpu, e))


FUNCTIONS: list[tuple[str, Function]] = [
    ("BLKI", _block_in),
    ("DATAI", _data_in),
    ("BLKO", _block_out),
    ("DATAO", _data_out),
    ("CONO", _conditions_out),
    ("CONI", _conditions_in),
    ("CONSZ", _skip_if_zero),
    ("CONSO", _skip_if_one),
]


def add_in_out(machine: Machine, devices: list[Device]) -> None:
    """Adds the eight functions of each of `devices`."""
    for device in devices:
        for code, (mnemonic, function) in enumerate(FUNCTIONS):
            alone = device.first == device.last
            name = f"{mnemonic} {device.name}" if alone else f"{mnemonic} ({device.name})"
            meaning = partial(_in_out, device, code, function)
            meaning.__doc__ = function.__doc__
            encoding = encode_in_out(code, device.first, device.last)
            machine.add(name, f"{mnemonic} device,E", encoding, meaning, partial(_render, mnemonic))


def _in_out(
    target: Device, code: int, function: Function, cpu: PDP10, device: Term, i: Term, x: Term, y: Term
) -> None:  # fmt: skip
    prepared = prepare(cpu, concat(bits(0o7, 3), device, bits(code, 3), i, x, y))
    cpu.trap(ILLEGAL, when=cpu.in_out_illegal(device), uuo=cpu.uuo)
    function(target, cpu, device, right(prepared))


def _render(mnemonic: str, fields: Mapping[str, int]) -> str:
    return f"{mnemonic} {fields['device'] << 2:03o},{operand_text(fields)}"
