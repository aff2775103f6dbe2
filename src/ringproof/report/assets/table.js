// The table of one step, as Python's report/rows.py makes it: what changes or differs first, the rest folded by role.

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined && child !== ''));
  return made;
}

const ROLES = {program: 'Program', mode: 'Mode', resource: 'Resources', memory: 'Memory', clock: 'Clocks', device: 'Devices'};

const unseen = text => element('span', {class: 'unseen'}, text);

function written(value, width) {
  if (width === 1) return ['', value.toString()];
  const digits = value.toString(16), wanted = width > 32 ? 1 : Math.ceil(width / 4);
  return ['0x' + '0'.repeat(Math.max(wanted - digits.length, 0)), digits];
}

const plain = (value, width) => written(value, width).join('');

class Table {
  constructor(page) {
    this.page = page;
    this.open = new Set();
    this.windows = new Map();
  }

  label(c, index) {
    const component = this.page.components[c];
    if (component.index === null) return component.name;
    const here = `${component.name}[0x${index.toString(16)}]`;
    const other = this.page.differences ? this.page.differences.partner(c, index) : index;
    return other === index ? here : `${here} ⇢ [0x${other.toString(16)}]`;
  }

  // The place of run `r` that a row for `index` of the first run shows.
  placed(r, c, index) {
    return r === 1 && this.page.differences ? this.page.differences.partner(c, index) : index;
  }

  rows(step) {
    const {components, runs, differences} = this.page;
    const older = runs.map(run => {
      const found = new Map(), [from, to] = run.changes(step);
      for (let n = to - 1; n >= from; n--) found.set(`${run.component[n]} ${run.index[n]}`, run.older[n]);
      return found;
    });
    const wanted = components.map(component => component.index === null ? new Set([0]) : new Set());
    const important = new Set();
    runs.forEach((run, r) => {
      for (const key of older[r].keys()) {
        const [c, index] = key.split(' ').map(Number);
        const own = r === 1 && differences ? differences.back(c, index) : index;
        wanted[c].add(own);
        important.add(`${c} ${own}`);
      }
    });
    if (differences) {
      for (const [c, indices] of differences.now()) {
        for (const index of indices) if (wanted[c].size < 256) wanted[c].add(index);
      }
    }
    for (const [c, index] of this.page.marked()) {
      wanted[c].add(index);
      important.add(`${c} ${index}`);
    }
    components.forEach((component, c) => {
      if (component.index === null) return;
      if (this.windows.has(c)) {
        for (let n = 0; n < 16; n++) wanted[c].add((this.windows.get(c) + n) % 2 ** component.index);
        return;
      }
      const listed = [...runs[0].state.cells[c].keys()];
      if (runs[1]) for (const index of runs[1].state.cells[c].keys()) listed.push(differences.back(c, index));
      for (const index of listed.sort((one, two) => one - two).slice(0, 128)) {
        if (wanted[c].size < 192) wanted[c].add(index);
      }
    });
    const found = [];
    components.forEach((component, c) => {
      for (const index of [...wanted[c]].sort((one, two) => one - two)) {
        const values = [], changed = [];
        runs.forEach((run, r) => {
          const at = this.placed(r, c, index), key = `${c} ${at}`, now = run.state.get(c, at);
          const before = older[r].has(key) ? older[r].get(key) : now;
          values.push(before, now);
          changed.push(before !== now);
        });
        const differs = differences !== null
          && (differences.differ(c, values[0], values[2]) || differences.differ(c, values[1], values[3]));
        const shown = this.page.isShown(c, index);
        const foremost = differs || shown || changed.includes(true) || important.has(`${c} ${index}`)
          || component.name === this.page.data.counter || component.name === this.page.data.mode;
        found.push({c, index, values, changed, differs, shown, foremost});
      }
    });
    return found;
  }

  draw(step) {
    const rows = this.rows(step), page = this.page;
    const parts = [this.table('What changes or differs', step, rows.filter(row => row.foremost))];
    const equal = page.data.alignment ? ' and equal but for the move' : page.runs.length > 1 ? ' and equal' : '';
    for (const role of Object.keys(ROLES)) {
      const group = rows.filter(row => !row.foremost && page.components[row.c].role === role);
      const arrays = page.components.flatMap((component, c) => component.role === role && component.index !== null ? [c] : []);
      if (!group.length && !arrays.length) continue;
      const said = group.length ? `${group.length} more, unchanged${equal}` : 'nothing is set';
      parts.push(element('details', {
        open: this.open.has(role),
        ontoggle: event => event.target.open ? this.open.add(role) : this.open.delete(role),
      }, element('summary', {}, element('b', {}, ROLES[role]), ` ${said}`), ...arrays.map(c => this.finder(c)), group.length ? this.table(role, step, group) : ''));
    }
    document.getElementById('table').replaceChildren(...parts);
  }

  // A field for an address from which cells of an array are listed.
  finder(c) {
    const component = this.page.components[c];
    const from = this.windows.get(c);
    return element('form', {class: 'finder', onsubmit: event => {
      event.preventDefault();
      const text = event.target.elements[0].value, index = parsed(text, component.index);
      if (!text.trim()) {
        this.windows.delete(c);
        return this.page.draw();
      }
      if (index === null) {
        const expected = `from 0x0 to 0x${(2n ** BigInt(component.index) - 1n).toString(16)}, such as 0x1000 or 4096`;
        return this.page.say(`An index of ${component.name} is a number ${expected}, not “${text}”.`, event.target.elements[0]);
      }
      this.windows.set(c, Number(index));
      this.page.draw();
    }}, element('label', {}, `${component.name} from `, element('input', {
      class: 'address', value: from === undefined ? '' : `0x${from.toString(16)}`, placeholder: '0x0', spellcheck: 'false',
      autocomplete: 'off', size: '12',
    })), ' ', element('button', {type: 'submit'}, 'show 16 cells'));
  }

  table(name, step, rows) {
    const {runs} = this.page;
    const heads = runs.flatMap(() => step ? ['before', 'after'] : ['initial']);
    const width = step ? '2' : '1';
    const top = runs.length < 2 ? [] : [element('tr', {role: 'row', class: 'runs'}, element('td', {role: 'cell', colspan: '2'}),
      ...runs.map((run, r) => element('th', {role: 'columnheader', scope: 'colgroup', colspan: width},
        element('span', {class: `number n${r + 1}`}, String(r + 1)), ` ${run.label}`)))];
    return element('div', {class: 'scroll', role: 'region', 'aria-label': name, tabindex: '0'}, element('table', {role: 'table'},
      element('thead', {role: 'rowgroup'}, ...top, element('tr', {role: 'row'}, element('td', {role: 'cell', class: 'mark'}),
        element('th', {role: 'columnheader', scope: 'col', class: 'place'}, 'component'),
        ...heads.map(head => element('th', {role: 'columnheader', scope: 'col'}, head)))),
      element('tbody', {role: 'rowgroup'}, ...rows.map((row, n) => this.row(row, step, n > 0 && rows[n - 1].c === row.c)))));
  }

  row(row, step, again) {
    const component = this.page.components[row.c], label = this.label(row.c, row.index);
    const classes = [row.differs ? 'differs' : '', row.shown ? 'shown' : ''].filter(Boolean).join(' ');
    const made = element('tr', {role: 'row', class: classes},
      element('td', {role: 'cell', class: 'mark'},
        ...(row.differs ? [element('span', {'aria-hidden': 'true'}, '≠'), unseen('the runs differ')] : [])),
      element('th', {role: 'rowheader', scope: 'row', class: 'place'}, element('span', {class: 'name'}, label), again || !component.text ? '' : element('span', {class: 'about'}, component.text)));
    row.values.forEach((value, n) => {
      if (step === 0 && n % 2) return;
      const r = n >> 1, changed = n % 2 === 1 && row.changed[r];
      const place = this.placed(r, row.c, row.index), edited = n % 2 === 0 && step <= 1 && this.page.isEdited(r, row.c, place);
      const [zeros, digits] = written(value, component.width);
      const text = [...(changed ? [element('span', {class: 'sign', 'aria-hidden': 'true'}, '→'), unseen('changed to ')] : []),
        element('span', {class: 'zeros'}, zeros), digits];
      const cell = element('td', {role: 'cell', class: `value c${n}${changed ? ' changed' : ''}${edited ? ' is-edited' : ''}`,
        'data-column': n});
      if (n % 2 === 0 && step <= 1 && this.page.canEdit()) {
        const where = `${label}${this.page.runs.length > 1 ? `, ${this.page.runs[r].label}` : ''}`;
        cell.append(element('button', {class: 'edit', type: 'button', 'data-place': `${r} ${row.c} ${place}`,
          'aria-label': `${where}: ${plain(value, component.width)}${edited ? ', edited' : ''}. Edit`,
          onclick: event => this.edit(event.currentTarget, r, row.c, place, value)}, ...text));
      } else cell.append(...text);
      made.append(cell);
    });
    return made;
  }

  edit(button, r, c, index, value) {
    const component = this.page.components[c];
    const input = element('input', {class: 'editing', value: plain(value, component.width), spellcheck: 'false',
      autocomplete: 'off', 'aria-label': button.getAttribute('aria-label').replace(/: .*/, '')});
    let finished = false;
    const leave = () => {
      finished = true;
      input.replaceWith(button);
      button.focus();
    };
    const take = () => {
      const found = parsed(input.value, component.width);
      if (found === null) {
        const most = component.width === 1 ? '0 or 1' : `a number of at most ${component.width} bits, such as 0x2a or 42`;
        this.page.say(`${component.name} is ${most}, not “${input.value}”.`, input);
        return false;
      }
      finished = true;
      this.page.edit(r, c, index, isBig(component) ? found : Number(found));
      return true;
    };
    input.addEventListener('keydown', event => {
      if (event.key === 'Enter') take();
      else if (event.key === 'Escape') {
        if (input.nextElementSibling) input.nextElementSibling.remove();
        leave();
      }
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    input.addEventListener('blur', () => { if (!finished && !take()) leave(); });
    button.replaceWith(input);
    input.style.width = `${Math.max(plain(value, component.width).length, 3) + 1}ch`;
    input.select();
    input.focus();
  }
}

// The number that a reader wrote, as a BigInt, or null where it does not fit.
function parsed(text, width) {
  const found = /^\s*(0x[0-9a-f_]+|[0-9]+)\s*$/i.exec(text);
  if (!found || found[1].length > width / 3 + 16) return null;
  let value;
  try {
    value = BigInt(found[1].replaceAll('_', ''));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return value < 1n << BigInt(width) ? value : null;
}
