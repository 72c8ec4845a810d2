// A Bloom filter of the prefixes that the keys of a store have, up to each "/" of them but the first, behind which comes
// what is in a table. It grows with the store: a second filter of twice the size begins where the first one is full.

/** Units: bits. All sizes are powers of two. */
const firstBits = 1 << 20;
/** The bits for each prefix, and those of them that it sets: about one in 400 of the others seems to be there too. */
const bitsEach = 16;
const setEach = 4;
/** Only so many characters at the end of a prefix are looked at: the rest of a hash, or a table's name, tells little more. */
const mostChars = 32;

interface Layer {
  readonly words: Uint32Array;
  /** One less than its bits. */
  readonly mask: number;
  /** The prefixes that it still takes. */
  room: number;
}

export class PrefixFilter {
  #newest = layerOf(firstBits);
  readonly #layers = [this.#newest];

  /** Adds the prefixes of a key that end with "/". */
  add(key: string): void {
    const first = key.indexOf('/');
    if (first === -1) return;
    for (let end = key.indexOf('/', first + 1); end !== -1; end = key.indexOf('/', end + 1))
      this.#add(hashOf(key, end));
  }

  /** False where no key with this prefix, which ends with "/", was added. */
  mayHave(prefix: string): boolean {
    const end = prefix.length - 1;
    if (prefix.indexOf('/') === end) return true;
    const hash = hashOf(prefix, end);
    return this.#layers.some((layer) => isIn(layer, hash));
  }

  #add(hash: number): void {
    const layer = this.#newest;
    if (isIn(layer, hash)) return;
    const step = stepOf(hash);
    for (let n = 0, at = hash; n < setEach; n += 1, at = (at + step) | 0) {
      const bit = at & layer.mask;
      layer.words[bit >>> 5] = (layer.words[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
    layer.room -= 1;
    if (layer.room > 0) return;
    this.#newest = layerOf(2 * (layer.mask + 1));
    this.#layers.push(this.#newest);
  }
}

function layerOf(bits: number): Layer {
  return { words: new Uint32Array(bits / 32), mask: bits - 1, room: Math.floor(bits / bitsEach) };
}

function isIn({ words, mask }: Layer, hash: number): boolean {
  const step = stepOf(hash);
  for (let n = 0, at = hash; n < setEach; n += 1, at = (at + step) | 0) {
    const bit = at & mask;
    if (((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

/** The hash of what comes before `end`: FNV-1a, of 32 bits, that begins with the length. */
function hashOf(text: string, end: number): number {
  let hash = 0x811c9dc5 ^ end;
  for (let i = Math.max(0, end - mostChars); i < end; i += 1)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** From one bit of a hash to the next: odd, so that it comes to all of them. */
function stepOf(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) | 1;
}
