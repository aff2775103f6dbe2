// A state, and a run that can be at any of its steps: every change is kept with the value before it.

class State {
  constructor(components) {
    this.values = components.map(component => isBig(component) ? 0n : 0);
    this.defaults = this.values.slice();
    this.cells = components.map(component => component.index === null ? null : new Map());
  }

  copy() {
    const other = Object.create(State.prototype);
    other.values = this.values.slice();
    other.defaults = this.defaults.slice();
    other.cells = this.cells.map(cells => cells && new Map(cells));
    return other;
  }

  get(c, index) {
    const cells = this.cells[c];
    if (cells === null) return this.values[c];
    const value = cells.get(index);
    return value === undefined ? this.defaults[c] : value;
  }

  set(c, index, value) {
    const cells = this.cells[c];
    if (cells === null) this.values[c] = value;
    else if (value === this.defaults[c]) cells.delete(index);
    else cells.set(index, value);
  }
}

class Run {
  constructor(components, label, initial) {
    this.components = components;
    this.label = label;
    this.initial = initial;
    this.state = initial.copy();
    this.at = 0;
    this.starts = [0];
    this.component = [];
    this.index = [];
    this.older = [];
    this.newer = [];
    this.instruction = [0];
    this.reason = [0];
    this.trap = [0];
    this.ending = '';
  }

  get length() {
    return this.starts.length - 1;
  }

  // Recording. A step's changes follow its `begin`.

  begin(instruction, reason, trap) {
    this.instruction.push(instruction);
    this.reason.push(reason);
    this.trap.push(trap);
    this.starts.push(this.component.length);
    this.at++;
  }

  change(c, index, value) {
    const old = this.state.get(c, index);
    if (old === value) return;
    this.component.push(c);
    this.index.push(index);
    this.older.push(old);
    this.newer.push(value);
    this.state.set(c, index, value);
  }

  finish() {
    this.starts.push(this.component.length);
    this.starts.shift();
  }

  // Moving. `changes(step)` is the range of the changes that take the state before a step to the one after it.

  changes(step) {
    return step < 1 || step > this.length ? [0, 0] : [this.starts[step - 1], this.starts[step]];
  }

  moveTo(step) {
    const goal = Math.min(step, this.length);
    for (; this.at < goal; this.at++) {
      const [from, to] = this.changes(this.at + 1);
      for (let n = from; n < to; n++) this.state.set(this.component[n], this.index[n], this.newer[n]);
    }
    for (; this.at > goal; this.at--) {
      const [from, to] = this.changes(this.at);
      for (let n = to - 1; n >= from; n--) this.state.set(this.component[n], this.index[n], this.older[n]);
    }
    return this.state;
  }
}
