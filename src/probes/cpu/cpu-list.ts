// The kernel's two notations for sets of CPUs. Pure.

/** More than any machine has, so that a garbled list cannot make us count to 10^15. */
const maxCpu = 65_536;

/** "0-3,8,10-11" as a set; undefined for anything else. An empty list is an empty set.
 *  Source: kernel Documentation/core-api/kernel-api (bitmap_parselist). */
export function parseCpuList(text: string): Set<number> | undefined {
  const cpus = new Set<number>();
  if (text.trim() === '') return cpus;
  let counted = 0;
  for (const range of text.trim().split(',')) {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(range);
    if (!match) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    counted += last - first + 1;
    if (last < first || last > maxCpu || counted > maxCpu) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return cpus;
}

/** "00000000,0000000f", 32 bits per word, the highest first, as a set; undefined for anything else. */
export function parseCpuMask(text: string): Set<number> | undefined {
  const words = text.trim().split(',');
  if (words.length > maxCpu / 32 || !words.every((word) => /^[0-9a-f]{1,16}$/i.test(word))) {
    return undefined;
  }
  const cpus = new Set<number>();
  let base = 0;
  for (const word of words.toReversed()) {
    let bits = BigInt(`0x${word}`);
    for (let bit = 0; bits > 0n; bit++, bits >>= 1n) if (bits & 1n) cpus.add(base + bit);
    // A lone word may be longer than 32 bits on kernels that do not split it.
    base += Math.max(32, word.length * 4);
  }
  return cpus;
}
