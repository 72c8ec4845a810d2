// A Bloom filter of the prefixes that the keys of a store have, up to each "/" of them. It grows with the store: a second
// filter of twice the size begins where the first one is full.

const slash = 0x2f;
/** Units: bits. All sizes are powers of two. */
const firstBits = 1 << 20;
/** The bits for each prefix, and those of them that it sets: about one in 400 of the others seems to be there too. */
const bitsEach = 16;
const setEach = 4;

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
    const end = key.lastIndexOf('/');
    let hash = emptyHash;
    for (let i = 0; i <= end; i += 1) {
      const code = key.charCodeAt(i);
      hash = hashWith(hash, code);
      if (code === slash) this.#add(hash);
    }
  }

  /** False where no key with this prefix, which ends with "/", was added. */
  mayHave(prefix: string): boolean {
    let hash = emptyHash;
    for (let i = 0; i < prefix.length; i += 1) hash = hashWith(hash, prefix.charCodeAt(i));
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

/** FNV-1a, of 32 bits. */
const emptyHash = 0x811c9dc5 | 0;

function hashWith(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

/** From one bit of a hash to the next: odd, so that it comes to all of them. */
function stepOf(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) | 1;
}
