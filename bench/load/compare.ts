// Compares what is measured with its peer: the two in turns, so that both see the same machine, and the median of the
// ratios of all turns, since other work on the machine falls upon single ones.

/** Some operations, with the time and the CPU time that they took. */
export interface Part {
  readonly count: number;
  readonly ms: number;
  readonly cpuMs: number;
}

/** The least, or the most, that a ratio is to be. */
type Aim = { readonly least: number } | { readonly most: number };

export interface Comparison {
  readonly what: string;
  readonly peer: string;
  /** Our rate to that of the peer. Left out: it is printed and has no aim. */
  readonly rate?: Aim;
  /** The CPU time of an operation: that of the peer to ours, or, with `most`, ours to that of the peer. */
  readonly cpu: Aim;
  readonly turns: number;
}

/** Takes the turns, after one that warms up, and prints the two ratios, each with its aim. */
export async function compare(
  { what, peer, rate, cpu, turns }: Comparison,
  ours: (turn: number) => Promise<Part>,
  theirs: (turn: number) => Promise<Part>,
): Promise<void> {
  const parts: { ours: Part; theirs: Part }[] = [];
  for (let turn = 0; turn <= turns; turn += 1) {
    // Whoever comes second finds the machine warmer.
    const isFirst = turn % 2 === 0;
    const before = isFirst ? await ours(turn) : await theirs(turn);
    const after = isFirst ? await theirs(turn) : await ours(turn);
    parts.push(isFirst ? { ours: before, theirs: after } : { ours: after, theirs: before });
  }
  const measured = parts.slice(1);
  const middle = (read: (pair: (typeof parts)[number]) => number): number =>
    median(measured.map(read));
  const rates = middle((pair) => perSecond(pair.ours) / perSecond(pair.theirs));
  const costs = middle((pair) => cpuOf(pair.theirs) / cpuOf(pair.ours));
  const [a, b] = [middle((pair) => perSecond(pair.ours)), middle((pair) => perSecond(pair.theirs))];
  const [c, d] = [middle((pair) => cpuOf(pair.ours)), middle((pair) => cpuOf(pair.theirs))];
  console.log(
    `${what}, to ${peer}:\n` +
      `  CPU ${shown('most' in cpu ? 1 / costs : costs, cpu)}: ${c.toFixed(0)} and ${d.toFixed(0)} µs each\n` +
      `  rate ${shown(rates, rate)}: ${a.toFixed(0)} and ${b.toFixed(0)} a second`,
  );
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function shown(ratio: number, aim: Aim | undefined): string {
  if (aim === undefined) return ratio.toFixed(2);
  return 'least' in aim
    ? `${ratio.toFixed(2)} (aim: at least ${aim.least})`
    : `${ratio.toFixed(2)} (aim: at most ${aim.most})`;
}

function perSecond({ count, ms }: Part): number {
  return (count * 1000) / ms;
}

/** Units: microseconds of CPU time for one operation. */
function cpuOf({ count, cpuMs }: Part): number {
  return (cpuMs * 1000) / count;
}
