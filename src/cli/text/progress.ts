// Shows progress: a bar on a terminal, elsewhere one line per finished step.
const width = 30;

export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #shown = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  update(step: string, done: number, of: number): void {
    const fraction = of === 0 ? 1 : done / of;
    const filled = Math.round(fraction * width);
    const line = `${step.padEnd(20)} [${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${done}/${of}`;
    if (line === this.#shown) return;
    this.#shown = line;
    const isOver = done === of;
    if (this.#out.isTTY) this.#out.write(`\r\u001b[K${line}${isOver ? '\n' : ''}`);
    else if (isOver) this.#out.write(`${line}\n`);
  }
}
