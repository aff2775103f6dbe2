// What an edited run executes and meets, by the numbers of the page's tables.

class Notes {
  // Numbers of instructions, reasons and traps in the page's tables, which grow with what an edited run meets.
  constructor(tables, operation, bytewise) {
    this.tables = tables;
    this.bytewise = bytewise;
    this.operation = operation ? 1 : 0;
    this.known = new Map();
  }

  instruction(executed) {
    if (!executed) return 0;
    const [cells, form] = executed;
    if (!this.known.has(cells)) {
      const bytes = cells.match(/../g);
      const word = bytes.length === 8 && !this.bytewise ? `0x${bytes.reverse().join('')}` : bytes.join(' ');
      this.known.set(cells, this.tables.instructions.push([form, word, form]));
    }
    return this.known.get(cells);
  }

  reason(text) {
    return this.number(this.tables.reasons, text);
  }

  trap(text) {
    return this.number(this.tables.traps, text);
  }

  number(table, text) {
    const found = table.indexOf(text);
    return found < 0 ? table.push(text) : found + 1;
  }
}

// Learns how instructions are written from a recorded run, by running it again.
class Learning extends Notes {
  constructor(notes, recorded) {
    super(notes.tables, false, notes.bytewise);
    this.notes = notes;
    this.recorded = recorded;
  }

  instruction(executed, step) {
    const number = this.recorded.instruction[step] || 0;
    if (executed && number) this.notes.known.set(executed[0], number);
    return number;
  }
}
