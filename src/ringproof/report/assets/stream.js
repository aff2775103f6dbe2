// Reads what Python's report/stream.py wrote. Values of at most 32 bits are numbers, wider ones BigInts.

async function unpacked(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const isBig = component => component.width > 32;

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  number() {
    let value = 0, scale = 1, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }

  big() {
    let value = 0n, shift = 0n, byte;
    do {
      byte = this.bytes[this.at++];
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
    } while (byte > 127);
    return value;
  }

  difference() {
    const value = this.number();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  bigDifference() {
    const value = this.big();
    return value & 1n ? -(value + 1n) / 2n : value / 2n;
  }

  value(component) {
    return isBig(component) ? this.big() : this.number();
  }
}

function readState(reader, components) {
  const state = new State(components);
  components.forEach((component, c) => {
    if (component.index === null) {
      state.values[c] = reader.value(component);
      return;
    }
    state.defaults[c] = reader.value(component);
    let index = 0;
    for (let count = reader.number(); count > 0; count--) {
      index += reader.number();
      state.cells[c].set(index, reader.value(component));
    }
  });
  return state;
}

function readRun(reader, components, label) {
  const run = new Run(components, label, readState(reader, components));
  const last = new Array(components.length);
  for (let steps = reader.number(); steps > 0; steps--) {
    run.begin(reader.number(), reader.number(), reader.number());
    last.fill(0);
    for (let count = reader.number(); count > 0; count--) {
      const c = reader.number(), component = components[c];
      const index = component.index === null ? 0 : last[c] += reader.difference();
      const by = isBig(component) ? reader.bigDifference() : reader.difference();
      run.change(c, index, run.state.get(c, index) + by);
    }
  }
  run.finish();
  return run;
}
