// The page: one or two runs at a step, what the reader edits, keys and links.

class Page {
  constructor(data, runs) {
    this.data = data;
    this.components = data.components;
    this.counter = this.components.findIndex(component => component.name === data.counter);
    this.mode = this.components.findIndex(component => component.name === data.mode);
    this.found = runs;
    this.notes = new Notes(data.tables, data.operation, Boolean(data.native && data.native.lengths));
    this.edits = new Map();
    this.both = true;
    this.keysOn = true;
    this.step = data.step;
    this.machine = null;
    this.shown = new Set(data.shown.map(([name, index]) =>
      `${this.components.findIndex(component => component.name === name)} ${index === null ? 0 : Number(index)}`));
    this.table = new Table(this);
    this.diagram = new Diagram(this);
    this.list = null;
    this.use(runs);
  }

  get longest() {
    return Math.max(...this.runs.map(run => run.length));
  }

  use(runs) {
    this.runs = runs;
    this.differences = null;
    this.diverging = new Set();
    if (runs.length > 1) {
      const [first, second] = this.found;
      this.differences = new Differences(this.components, runs, this.data.alignment).keepDistances(first.initial, second.initial);
      this.diverging = new Set(this.differences.steps());
    }
    this.modes = runs.map(run => this.modesOf(run));
    this.modeChanges = new Set();
    for (const modes of this.modes) {
      for (let step = 1; step < modes.length; step++) if (modes[step] !== modes[step - 1]) this.modeChanges.add(step);
    }
  }

  modesOf(run) {
    const modes = new Uint8Array(run.length + 1);
    let mode = Number(run.initial.values[this.mode]);
    modes[0] = mode;
    for (let step = 1; step <= run.length; step++) {
      const [from, to] = run.changes(step);
      for (let n = from; n < to; n++) if (run.component[n] === this.mode) mode = Number(run.newer[n]);
      modes[step] = mode;
    }
    return modes;
  }

  // Levels, at which a step is taken.

  levelAt(run, step) {
    const mode = this.modes[this.runs.indexOf(run)][step - 1];
    return this.data.levels.length - 1 - this.data.levels.findIndex(([, value]) => value === mode);
  }

  levelName(run, step) {
    const mode = this.modes[this.runs.indexOf(run)][step - 1];
    const level = this.data.levels.find(([, value]) => value === mode);
    return level ? level[0] : `${this.data.mode} ${mode}`;
  }

  levelShort(run, step) {
    const name = this.levelName(run, step), number = /\d+$/.exec(name);
    return number ? number[0] : name[0];
  }

  // What the table marks besides.

  marked() {
    const found = [];
    for (const key of this.edits.keys()) {
      const [r, c, index] = key.split(' ').map(Number);
      found.push([c, r === 1 && this.differences ? this.differences.back(c, index) : index]);
    }
    for (const key of this.shown) found.push(key.split(' ').map(Number));
    return found.filter(([c]) => c >= 0);
  }

  isShown(c, index) {
    return this.shown.has(`${c} ${index}`);
  }

  isEdited(r, c, index) {
    return this.edits.has(`${r} ${c} ${index}`);
  }

  canEdit() {
    return this.machine !== null;
  }

  // Drawing.

  draw() {
    for (const run of this.runs) run.moveTo(this.step);
    this.table.draw(this.step);
    this.drawHeading();
    this.diagram.draw(this.modes.map(modes => {
      const now = Math.min(this.step, modes.length - 1);
      return [modes[Math.max(now - 1, 0)], modes[now]];
    }));
    if (this.list) this.list.draw();
    for (const button of document.querySelectorAll('#tools [data-does]')) button.disabled = !this.possible(button.dataset.does);
    const where = document.getElementById('where');
    if (where) where.textContent = this.step ? `step ${counted(this.step - 1)} of 0 to ${counted(this.longest - 1)}` : `before step 0 of 0 to ${counted(this.longest - 1)}`;
  }

  drawHeading() {
    const {instructions, traps, reasons} = this.data.tables;
    document.getElementById('heading').replaceChildren(...this.runs.map((run, r) => {
      const parts = [element('span', {class: `number n${r + 1}`}, String(r + 1)), ' '];
      if (this.step === 0) parts.push('the initial state');
      else if (this.step > run.length) parts.push(run.ending ? `ended: ${run.ending}` : 'ended');
      else {
        const executed = instructions[run.instruction[this.step] - 1], trap = traps[run.trap[this.step] - 1];
        const reason = reasons[run.reason[this.step] - 1];
        if (reason === 'injected') {
          parts.push(element('b', {class: 'assembly'}, 'changed from outside'));
          return element('p', {}, ...parts);
        }
        parts.push(element('b', {class: 'assembly'}, executed ? executed[0] : 'no instruction reached'), ' ',
          element('span', {class: 'word'}, executed ? executed[1] : ''), ' ',
          trap ? element('em', {class: 'trap'}, `traps: ${trap}`) : element('span', {class: 'fine'}, 'completes'));
        if (reason !== 'direct' && reason !== 'trapped') parts.push(' ', element('em', {class: 'reason'}, reason));
      }
      return element('p', {}, ...parts);
    }));
  }

  // Tells what is wrong with a value, in the page beside its field and to those who hear the page.
  say(text, field) {
    document.getElementById('said').textContent = text;
    field.setAttribute('aria-invalid', 'true');
    if (field.nextElementSibling && field.nextElementSibling.className === 'wrong') field.nextElementSibling.remove();
    field.after(element('span', {class: 'wrong', 'aria-hidden': 'true'}, text));
  }

  // Moving.

  target(does) {
    const steps = {first: 0, last: this.longest, next: this.step + 1, previous: this.step - 1};
    if (does in steps) return steps[does];
    const wanted = does === 'divergence' ? this.diverging : this.modeChanges;
    for (const step of [...wanted].sort((one, two) => one - two)) if (step > this.step) return step;
    return null;
  }

  possible(does) {
    if (does === 'reset') return this.edits.size > 0;
    if (does === 'edit') return this.canEdit();
    const step = this.target(does);
    return step !== null && step >= 0 && step <= this.longest && step !== this.step;
  }

  go(step, {link = true} = {}) {
    this.step = Math.max(0, Math.min(step, this.longest));
    if (link) history.replaceState(null, '', address(this.step));
    this.draw();
    if (this.list) this.list.reveal(this.step);
  }

  act(does) {
    if (!this.possible(does)) return;
    if (does === 'reset') this.reset();
    else if (does === 'edit') this.beginEditing();
    else this.go(this.target(does));
  }

  beginEditing() {
    if (this.step > 1) this.go(1);
    document.querySelector('#table .edit').focus();
  }

  // Editing.

  async edit(r, c, index, value) {
    const put = (run, place) => {
      const key = `${run} ${c} ${place}`;
      if (this.found[run].initial.get(c, place) === value) this.edits.delete(key);
      else this.edits.set(key, value);
    };
    const [one, two] = this.runs.map(run => run.initial);
    put(r, index);
    if (two && this.both) {
      const first = r === 0 ? index : this.differences.back(c, index), second = this.differences.partner(c, first);
      if (one.get(c, first) === two.get(c, second)) put(1 - r, r === 0 ? second : first);
    }
    await this.again();
    const button = document.querySelector(`[data-place="${r} ${c} ${index}"]`);
    if (button) button.focus();
  }

  async reset() {
    this.edits.clear();
    await this.again();
  }

  async again() {
    if (this.edits.size) {
      if (!this.data.operation && !this.learned) {
        for (const [r, run] of this.found.entries()) await this.rerun(r, run.initial, new Learning(this.notes, run));
        this.learned = true;
      }
      const runs = [];
      for (const [r, run] of this.found.entries()) {
        const initial = run.initial.copy();
        for (const [key, value] of this.edits) {
          const [of, c, index] = key.split(' ').map(Number);
          if (of === r) initial.set(c, index, value);
        }
        runs.push(await this.rerun(r, initial, this.notes));
      }
      this.use(runs);
    } else this.use(this.found);
    this.step = Math.min(this.step, this.longest);
    this.tell();
    this.draw();
  }

  rerun(r, initial, notes) {
    const run = this.found[r];
    return this.machine.run(initial, run.label, run.length, this.data.operation, this.data.inputs[r] || [], notes);
  }

  // What an edit comes to, in words. The sentence above it was checked; this only compares.
  tell() {
    const box = document.getElementById('edited');
    document.getElementById('sentence').classList.toggle('former', this.edits.size > 0);
    if (!this.edits.size) {
      box.replaceChildren();
      return;
    }
    const count = new Set([...this.edits.keys()].map(key => key.slice(2))).size;
    const parts = [element('b', {}, `Edited in ${count} place${count > 1 ? 's' : ''}. `)];
    if (this.differences) {
      for (const run of this.runs) run.moveTo(run.length);
      const names = [];
      for (const [c, indices] of this.differences.now()) for (const index of indices) names.push([c, index]);
      parts.push(names.length ? 'Now the runs end different in ' : 'Now the runs end alike.');
      names.slice(0, 6).forEach(([c, index], n) => {
        const width = this.components[c].width, place = this.differences.partner(c, index);
        const [one, two] = [this.runs[0].state.get(c, index), this.runs[1].state.get(c, place)];
        parts.push(n ? ', ' : '', element('code', {}, this.table.label(c, index)), ` (${plain(one, width)} and ${plain(two, width)})`);
      });
      if (names.length) parts.push(names.length > 6 ? ` and ${names.length - 6} more places.` : '.');
    } else if (this.data.operation) {
      const [run] = this.runs, trap = this.data.tables.traps[run.trap[run.length] - 1];
      parts.push(trap ? `Now it traps: ${trap}.` : 'Now it completes.');
    }
    if (!this.data.operation) this.runs.forEach((run, r) => parts.push(' ', this.tellPath(run, r), ' ', saving(this, r)));
    parts.push(' ', element('span', {class: 'fine'}, this.data.operation
      ? 'The machine in this page ran it; whether the claim still holds, ringproof has not checked.' : 'The machine in this page ran it.'),
      ' ', element('button', {type: 'button', onclick: () => this.act('reset')}, 'Reset'));
    box.replaceChildren(...parts);
  }

  // Whether two runs execute and meet the same. Of what is no instruction, all bytes that follow are listed; they say nothing.
  same(one, two, step) {
    const form = number => (this.data.tables.instructions[number - 1] || [])[0];
    return one.trap[step] === two.trap[step] && (one.instruction[step] === two.instruction[step]
      || [one, two].every(run => form(run.instruction[step]) === 'undefined instruction'));
  }

  // Where an edited run leaves the path of the recorded one.
  tellPath(run, r) {
    const found = this.found[r], name = this.runs.length > 1 ? `The ${run.label}` : 'The run';
    const shortest = Math.min(run.length, found.length);
    let step = 1;
    while (step <= shortest && this.same(run, found, step)) step++;
    if (step > shortest && run.length === found.length) return `${name} executes the same ${counted(run.length)} instruction${run.length === 1 ? '' : 's'}.`;
    const ended = run.length < found.length ? ` It has ${counted(run.length)} step${run.length === 1 ? '' : 's'}${run.ending ? `; then ${run.ending}` : ''}.` : '';
    return step > shortest ? `${name} executes the same instructions.${ended}` : `${name} goes another way from step ${counted(step - 1)} on.${ended}`;
  }
}

async function main() {
  const [data, stream] = await Promise.all([unpacked('data'), unpacked('stream')]);
  const content = JSON.parse(new TextDecoder().decode(data)), reader = new Reader(stream);
  const page = new Page(content, content.runs.map(label => readRun(reader, content.components, label)));
  addTools(page);
  if (!content.operation) page.list = new List(page, document.getElementById('steps'));
  const go = () => {
    const step = linkedStep();
    page.go(step === null ? page.step : step, {link: false});
  };
  go();
  addEventListener('hashchange', go);
  document.documentElement.dataset.ready = 'steps';
  if (content.native && (content.operation || content.native.steps)) {
    page.machine = await Machine.compile(await unpacked('module'), content.native, content.components);
    page.draw();
  }
  document.documentElement.dataset.ready = 'all';
}

main();
