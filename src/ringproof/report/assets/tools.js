// Buttons, keys, and the addresses of steps.

const ACTIONS = [
  ['first', 'f', 'First', 'Home'], ['previous', 'p', 'Previous', 'ArrowLeft'], ['next', 'n', 'Next', 'ArrowRight'], ['last', 'l', 'Last', 'End'],
  ['divergence', 'd', 'Next divergence', ''], ['mode', 'm', 'Next mode change', ''], ['edit', 'e', 'Edit', ''], ['reset', 'r', 'Reset', ''],
];

function addTools(page) {
  const single = page.longest === 1;
  const offered = ACTIONS.filter(([does]) => (does !== 'divergence' || page.runs.length > 1)
    && (!single || !['first', 'last', 'divergence', 'mode'].includes(does)) && (page.data.native || !['edit', 'reset'].includes(does)));
  const buttons = offered.map(([does, key, text]) =>
    element('button', {type: 'button', 'data-does': does, 'aria-keyshortcuts': key, onclick: () => page.act(does)}, text));
  const tools = document.getElementById('tools');
  tools.append(...buttons);
  if (page.runs.length > 1 && page.data.native) {
    const box = element('input', {type: 'checkbox', id: 'both', checked: true, onchange: event => { page.both = event.target.checked; }});
    tools.append(element('label', {class: 'both'}, box, ' edit both runs where they are equal'));
  }
  if (!single) tools.append(element('span', {id: 'where', class: 'where'}));
  tools.hidden = false;
  const keys = offered.flatMap(([, key, text]) => [element('span', {class: 'key'}, element('kbd', {}, key), ` ${text.toLowerCase()}`), ' ']);
  const toggle = element('input', {type: 'checkbox', checked: true, onchange: event => { page.keysOn = event.target.checked; }});
  const help = document.getElementById('help');
  help.append(element('label', {class: 'key'}, toggle, ' keys'), ' ', ...keys);
  help.hidden = false;
  document.body.append(element('div', {id: 'said', class: 'unseen', role: 'status'}));
  document.addEventListener('keydown', event => {
    if (!page.keysOn || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
    const action = ACTIONS.find(([, key, , other]) => event.key === key || other && event.key === other);
    if (!action) return;
    event.preventDefault();
    page.act(action[0]);
  });
}

// Steps are numbered from 0, as `ringproof replay` does; the page is at 0 before the first, at 1 after it.

const counted = value => value.toLocaleString('en');

const address = at => at === 0 ? '#start' : `#step-${at - 1}`;

function linkedStep() {
  if (location.hash === '#start') return 0;
  const found = /^#step-(\d{1,9})$/.exec(location.hash);
  return found ? Number(found[1]) + 1 : null;
}
