// An edited initial state as a file for `ringproof run --state`, and the command that takes the same steps.

const hex = value => `0x${value.toString(16)}`;

function stateText(page, run) {
  const found = {};
  page.components.forEach((component, c) => {
    if (component.index === null) {
      if (Number(run.initial.values[c])) found[component.name] = hex(run.initial.values[c]);
      return;
    }
    const cells = [...run.initial.cells[c]].sort(([one], [two]) => one - two).map(([index, value]) => [hex(index), hex(value)]);
    if (Number(run.initial.defaults[c])) cells.push(['default', hex(run.initial.defaults[c])]);
    if (cells.length) found[component.name] = Object.fromEntries(cells);
  });
  return `${JSON.stringify(found, null, 2)}\n`;
}

function saving(page, r) {
  const run = page.runs[r], name = page.runs.length > 1 ? `edited-${r + 1}.json` : 'edited.json';
  const inputs = (page.data.inputs[r] || []).flatMap(([step, values]) =>
    values.map(([place, index, value]) => ` --inject '${step}:${place}${index === null ? '' : `[${hex(index)}]`}=${value}'`));
  const link = element('a', {download: name, href: URL.createObjectURL(new Blob([stateText(page, run)], {type: 'application/json'}))},
    'Save the edited start');
  return element('span', {class: 'saving'}, link, ' and run it: ',
    element('code', {}, `${page.data.command} --state ${name} --steps ${page.found[r].length}${inputs.join('')}`));
}
