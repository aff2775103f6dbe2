// The ring diagram: where each run's mode was before the step, and is after it.

class Diagram {
  constructor(page) {
    this.page = page;
    this.svg = document.getElementById('rings');
    this.middle = this.svg.viewBox.baseVal.width / 2;
  }

  point(level, r, before) {
    const radius = this.page.data.levels.find(([, value]) => value === level)[2];
    const angle = (this.page.runs.length > 1 ? 140 - 100 * r : 90) + (before ? 16 : 0);
    return [this.middle + Math.cos(angle * Math.PI / 180) * radius, this.middle + Math.sin(angle * Math.PI / 180) * radius];
  }

  draw(modes) {
    const now = new Set();
    for (const mark of this.svg.querySelectorAll('.at')) {
      const r = Number(mark.dataset.run) - 1, [before, after] = modes[r];
      const known = [before, after].every(level => this.page.data.levels.some(([, value]) => value === level));
      mark.classList.toggle('elsewhere', !known);
      if (!known) continue;
      now.add(after);
      const [from, to] = [this.point(before, r, true), this.point(after, r, false)];
      const set = (name, values) => Object.entries(values).forEach(([key, value]) => mark.querySelector(name).setAttribute(key, value.toFixed(1)));
      set('line', {x1: from[0], y1: from[1], x2: to[0], y2: to[1]});
      set('.was', {cx: from[0], cy: from[1]});
      set('.is', {cx: to[0], cy: to[1]});
      set('text', {x: to[0], y: to[1] + 4.5});
      mark.classList.toggle('moved', before !== after);
    }
    for (const ring of this.svg.querySelectorAll('.ring')) ring.classList.toggle('now', now.has(Number(ring.dataset.level)));
  }
}
