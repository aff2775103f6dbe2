// The machine's own WebAssembly module. What it needs to know of memory comes from Python's report/native.py.

class Machine {
  static async compile(content, native, components) {
    return new Machine(await WebAssembly.compile(content), native, components);
  }

  constructor(module, native, components) {
    this.module = module;
    this.native = native;
    this.components = components;
    this.slots = components.map(component => native.slots[component.name] || null);
    this.arrays = components.map(component => native.arrays[component.name] || null);
    this.byNumber = [];
    this.arrays.forEach((array, c) => { if (array) this.byNumber[array.number] = c; });
  }

  // Runs the machine from `initial` for at most `limit` steps, or executes the single `operation`.
  async run(initial, label, limit, operation, inputs, notes) {
    const instance = await WebAssembly.instantiate(this.module);
    this.exports = instance.exports;
    this.memory = instance.exports.memory;
    this.look();
    this.load(initial);
    const run = new Run(this.components, label, initial);
    if (operation) this.execute(run, operation, notes);
    else this.steps(run, limit, inputs, notes);
    run.finish();
    return run;
  }

  look() {
    if (this.view && this.view.buffer === this.memory.buffer) return;
    this.view = new DataView(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
  }

  word(address) {
    return this.view.getUint32(address, true);
  }

  put(address, value) {
    this.view.setUint32(address, value, true);
  }

  // Values of any size, lowest byte first.

  read(address, size, big) {
    if (!big) {
      if (size === 4) return this.view.getUint32(address, true);
      return size === 1 ? this.view.getUint8(address) : this.view.getUint16(address, true);
    }
    let value = 0n;
    for (let n = size - 8; n >= 0; n -= 8) value = value << 64n | this.view.getBigUint64(address + n, true);
    return value;
  }

  write(address, size, value) {
    if (typeof value === 'bigint') {
      for (let n = 0; n < size; n += 8) this.view.setBigUint64(address + n, BigInt.asUintN(64, value >> BigInt(8 * n)), true);
    } else if (size === 4) this.view.setUint32(address, value, true);
    else if (size === 1) this.view.setUint8(address, value);
    else this.view.setUint16(address, value, true);
  }

  // States. Memory is fresh, so that it holds zero wherever nothing is written.

  load(state) {
    const native = this.native, at = native.at;
    this.heap = native.heap;
    for (const place of ['heap', 'owned']) this.put(at[place], native.heap);
    this.put(at.heapLimit, native.heap + native.limit);
    this.components.forEach((component, c) => {
      const slot = this.slots[c], array = this.arrays[c];
      if (slot) this.write(native.world + slot[0], slot[1], state.values[c]);
      else this.loadArray(array, component, state.defaults[c], state.cells[c]);
    });
    this.put(at.heap, this.heap);
    this.put(at.heapEnd, Math.min(this.bytes.length, native.heap + native.limit));
  }

  loadArray(array, component, initial, cells) {
    const native = this.native, base = native.world + array.first;
    const count = array.table === null ? 2 ** component.index : native.page / array.bytes;
    if (Number(initial)) for (let n = 0; n < count; n++) this.write(base + n * array.bytes, array.bytes, initial);
    const pages = new Map();
    for (const [index, value] of cells) {
      let start = base, within = index;
      if (array.table !== null) {
        const page = Math.floor(index / 2 ** array.shift);
        within = index % 2 ** array.shift;
        if (!pages.has(page)) pages.set(page, this.page(array, page));
        start = pages.get(page);
      }
      this.write(start + within * array.bytes, array.bytes, value);
    }
  }

  page(array, number) {
    const native = this.native, world = native.world, cells = this.heap + native.header;
    const missing = cells + native.page - this.bytes.length;
    if (missing > 0) {
      this.memory.grow(Math.max(native.growth, Math.ceil(missing / 65536)));
      this.look();
    }
    this.put(this.heap, array.number);
    this.put(this.heap + 4, number);
    this.put(this.heap + 8, world);
    this.bytes.copyWithin(cells, world + array.first, world + array.first + native.page);
    this.put(world + array.table + 4 * number, cells - array.first - world);
    this.heap += native.frame;
    return cells;
  }

  cell(array, index) {
    const world = this.native.world, address = world + array.first;
    if (array.table === null) return address + index * array.bytes;
    const page = Math.floor(index / 2 ** array.shift), within = index % 2 ** array.shift;
    return (address + this.word(world + array.table + 4 * page) + within * array.bytes) >>> 0;
  }

  // Stepping.

  steps(run, limit, inputs, notes) {
    const native = this.native, at = native.at, reaching = new Map(inputs);
    for (let n = 0; n < limit; n++) {
      if (reaching.has(n)) {
        run.begin(0, notes.reason('injected'), 0);
        for (const [name, index, value] of reaching.get(n)) this.inject(run, name, index, value);
        continue;
      }
      this.put(at.trap, 0);
      const reason = this.exports.run(1n, native.world);
      this.look();
      if (reason === native.reasons.full) {
        run.ending = 'the page’s memory is full';
        return;
      }
      const trap = this.word(at.trap);
      run.begin(notes.instruction(this.executed(), run.length + 1), notes.reason(trap ? 'trapped' : 'direct'), this.trapped(trap, notes));
      this.record(run);
      if (reason === native.reasons.stuck) {
        run.ending = 'the trap could not be delivered';
        return;
      }
    }
  }

  // Something from outside: a component or a cell gets another value.
  inject(run, name, index, text) {
    const native = this.native, at = native.at, c = this.components.findIndex(component => component.name === name);
    const slot = this.slots[c], array = this.arrays[c], value = isBig(this.components[c]) ? BigInt(text) : Number(text);
    if (slot) this.write(native.world + slot[0], slot[1], value);
    else {
      const page = Math.floor(index / 2 ** array.shift);
      if (array.table !== null && !this.word(native.world + array.table + 4 * page)) {
        this.heap = this.word(at.heap);
        this.page(array, page);
        this.put(at.heap, this.heap);
        this.put(at.heapEnd, Math.min(this.bytes.length, native.heap + native.limit));
      }
      this.write(this.cell(array, index), array.bytes, value);
    }
    run.change(c, index || 0, value);
  }

  execute(run, operation, notes) {
    const native = this.native;
    for (const [offset, size, value] of operation.operands) {
      this.write(native.entry + offset, size, size > 4 ? BigInt(value) : Number(value));
    }
    this.put(native.entry + native.number, operation.number);
    this.exports.room();
    this.look();
    const trap = this.exports.execute(native.entry, native.world);
    this.look();
    run.begin(notes.operation, notes.reason(trap ? 'trapped' : 'direct'), this.trapped(trap, notes));
    if (!trap) this.record(run);
  }

  // What the last step executed: the fetched cells that are the instruction's, and the form's name, or null.
  executed() {
    const native = this.native, entry = this.word(native.at.last);
    if (!entry) return null;
    const number = this.word(entry + native.number);
    let cells = '';
    for (let n = entry, end = entry + this.length(entry, number); n < end; n++) cells += this.bytes[n].toString(16).padStart(2, '0');
    return [cells, native.forms[number - 1] || 'undefined instruction'];
  }

  // How many of the bytes that were fetched belong to the instruction; what follows it in memory does not.
  length(entry, number) {
    const {lengths, cells} = this.native;
    if (!lengths || !number) return cells;
    const length = lengths[number - 1];
    return Number(Array.isArray(length) ? this.read(entry + length[0], length[1], length[1] > 4) : length);
  }

  trapped(number, notes) {
    if (!number) return 0;
    const trap = this.native.traps[number];
    const details = trap.details.map(([name, address, size]) => {
      let value = 0n;
      for (let n = size - 1; n >= 0; n--) value = value << 8n | BigInt(this.bytes[address + n]);
      return `${name.replaceAll('_', ' ')} 0x${value.toString(16)}`;
    });
    return notes.trap(trap.name + (details.length ? ` (${details.join(', ')})` : ''));
  }

  record(run) {
    const native = this.native, components = this.components;
    for (let c = 0; c < components.length; c++) {
      const slot = this.slots[c];
      if (slot) run.change(c, 0, this.read(native.world + slot[0], slot[1], isBig(components[c])));
    }
    for (let entry = native.log, end = this.word(native.at.logEnd); entry < end; entry += 8) {
      const index = this.word(entry), c = this.byNumber[this.view.getUint16(entry + 4, true)];
      for (let n = 0, count = this.view.getUint16(entry + 6, true); n < count; n++) {
        const cell = (index + n) % 2 ** components[c].index, array = this.arrays[c];
        run.change(c, cell, this.read(this.cell(array, cell), array.bytes, isBig(components[c])));
      }
    }
  }
}
