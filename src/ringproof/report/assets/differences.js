// Where two runs differ, step by step. A moved second run is compared at the places that answer to the first's.

class Differences {
  constructor(components, runs, alignment) {
    this.components = components;
    this.runs = runs;
    this.memory = alignment ? components.findIndex(component => component.name === alignment[0]) : -1;
    this.offset = alignment ? alignment[1] : 0;
    this.apart = components.map(component => alignment && alignment[2].includes(component.name) ? true : null);
  }

  // The distances of bases that were moved on purpose, as the second run was found.
  keepDistances(first, second) {
    this.apart = this.apart.map((moved, c) => moved === null ? null : this.distance(c, first.values[c], second.values[c]));
    return this;
  }

  distance(c, one, two) {
    return BigInt.asUintN(this.components[c].width, BigInt(two) - BigInt(one));
  }

  partner(c, index) {
    return c === this.memory ? (index + this.offset) % 2 ** this.components[c].index : index;
  }

  back(c, index) {
    const size = 2 ** this.components[c].index;
    return c === this.memory ? (index - this.offset + size) % size : index;
  }

  differ(c, one, two) {
    return this.apart[c] === null ? one !== two : this.distance(c, one, two) !== this.apart[c];
  }

  at(c, index) {
    const [first, second] = this.runs;
    return this.differ(c, first.state.get(c, index), second.state.get(c, this.partner(c, index)));
  }

  // Every place where the two current states differ, as a map from component to indices.
  now() {
    const found = new Map();
    const add = (c, index) => {
      if (!this.at(c, index)) return;
      if (!found.has(c)) found.set(c, new Set());
      found.get(c).add(index);
    };
    const [first, second] = this.runs;
    this.components.forEach((component, c) => {
      if (component.index === null) return add(c, 0);
      for (const index of first.state.cells[c].keys()) add(c, index);
      for (const index of second.state.cells[c].keys()) add(c, this.back(c, index));
    });
    return found;
  }

  // The steps after which a place differs that did not before, or which execute or meet something else.
  steps() {
    const [first, second] = this.runs, found = [];
    for (const run of this.runs) run.moveTo(0);
    let before = this.now();
    const longest = Math.max(first.length, second.length);
    for (let step = 1; step <= longest; step++) {
      let fresh = step === Math.min(first.length, second.length) + 1 || first.instruction[step] !== second.instruction[step]
        || first.trap[step] !== second.trap[step];
      for (const run of this.runs) run.moveTo(step);
      for (const run of this.runs) {
        const [from, to] = run.changes(step);
        for (let n = from; n < to; n++) {
          const c = run.component[n], index = run === second ? this.back(c, run.index[n]) : run.index[n];
          const set = before.get(c);
          if (this.at(c, index)) {
            if (set && set.has(index)) continue;
            fresh = true;
            if (set) set.add(index);
            else before.set(c, new Set([index]));
          } else if (set) set.delete(index);
        }
      }
      if (fresh) found.push(step);
    }
    return found;
  }
}
