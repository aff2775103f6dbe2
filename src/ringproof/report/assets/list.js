// The list of steps: only those that can be seen are in the page. Each is a link to its own address.

const ROW = 26, TALLEST = 8000000;

class List {
  constructor(page, box) {
    this.page = page;
    this.box = box;
    this.rows = element('ol', {class: 'rows', 'aria-labelledby': 'steps-title'});
    this.space = element('div', {class: 'space'}, this.rows);
    this.scroller = element('div', {class: 'scroller', tabindex: '0', role: 'group', 'aria-labelledby': 'steps-title'}, this.space);
    this.scroller.addEventListener('scroll', () => this.draw(), {passive: true});
    document.getElementById('static-steps').replaceWith(this.scroller);
    this.scroller.after(element('p', {class: 'legend'}, ...(page.runs.length > 1 ? [element('span', {class: 'mark'}, '≠'), ' they come to differ '] : []),
      element('span', {class: 'sign'}, '⇅'), ' the mode changes ', element('span', {class: 'mark'}, '!'), ' a trap'));
    new ResizeObserver(() => this.draw()).observe(this.scroller);
  }

  get count() {
    return this.page.longest + 1;
  }

  get visible() {
    return Math.ceil(this.scroller.clientHeight / ROW) + 1;
  }

  // The first row in view. Where the list is taller than a browser allows, the bar stands for a part of it.
  first() {
    const full = this.count * ROW, height = Math.min(full, TALLEST), view = this.scroller.clientHeight;
    if (full === height) return Math.floor(this.scroller.scrollTop / ROW);
    const part = this.scroller.scrollTop / (height - view);
    return Math.round(part * Math.max(this.count - this.visible + 1, 0));
  }

  reveal(step) {
    const first = this.first(), seen = Math.max(Math.floor(this.scroller.clientHeight / ROW), 1);
    if (step < first + 1 || step > first + seen - 2) {
      const full = this.count * ROW, height = Math.min(full, TALLEST), view = this.scroller.clientHeight;
      const wanted = Math.max(Math.min(step - Math.floor(seen / 3), this.count - seen), 0);
      this.space.style.height = `${height}px`;
      this.scroller.scrollTop = full === height ? wanted * ROW : wanted / Math.max(this.count - seen, 1) * (height - view);
    }
    this.draw();
  }

  draw() {
    const full = this.count * ROW, height = Math.min(full, TALLEST);
    this.space.style.height = `${height}px`;
    const first = Math.max(this.first() - 2, 0), last = Math.min(first + this.visible + 4, this.count);
    const top = full === height ? first * ROW : this.scroller.scrollTop - (this.first() - first) * ROW;
    this.rows.style.transform = `translateY(${Math.max(top, 0)}px)`;
    const items = [];
    for (let step = first; step < last; step++) items.push(this.item(step));
    const focused = this.rows.contains(document.activeElement);
    this.rows.replaceChildren(...items);
    if (focused) {
      const current = this.rows.querySelector('[aria-current]');
      if (current) current.focus({preventScroll: true});
    }
  }

  item(step) {
    const page = this.page, current = step === page.step;
    const parts = step === 0 ? [element('span', {class: 'instruction'}, 'initial state')]
      : page.runs.map(run => this.instruction(run, step));
    const marks = [];
    if (page.diverging.has(step)) marks.push(element('span', {class: 'mark', title: 'the runs come to differ'}, '≠'));
    if (page.modeChanges.has(step)) marks.push(element('span', {class: 'sign', title: 'the mode changes'}, '⇅'));
    if (step && page.runs.some(run => run.trap[step])) marks.push(element('span', {class: 'mark', title: 'a trap'}, '!'));
    return element('li', {'aria-setsize': this.count, 'aria-posinset': step + 1, class: current ? 'current' : ''},
      element('a', {href: address(step), 'aria-current': current ? 'step' : null, tabindex: current ? '0' : '-1'},
        element('span', {class: 'at'}, step ? String(step - 1) : ''), element('span', {class: 'marks'}, ...marks), ...parts));
  }

  instruction(run, step) {
    if (step > run.length) return element('span', {class: 'instruction fine'}, 'ended');
    const {instructions, traps, reasons} = this.page.data.tables;
    const executed = instructions[run.instruction[step] - 1], trap = traps[run.trap[step] - 1];
    const reason = reasons[run.reason[step] - 1];
    if (reason === 'injected') return element('span', {class: 'instruction'}, element('em', {class: 'reason'}, 'changed from outside'));
    return element('span', {class: 'instruction'},
      element('span', {class: `level l${this.page.levelAt(run, step)}`, title: this.page.levelName(run, step)}, this.page.levelShort(run, step)), ' ',
      executed ? executed[0] : 'no instruction',
      trap ? element('em', {}, ` ${trap}`) : '',
      reason !== 'direct' && reason !== 'trapped' ? element('em', {class: 'reason'}, ` ${reason}`) : '');
  }
}
