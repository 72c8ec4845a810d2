// Values drawn from the schemas of the OpenAPI document: most as it wants them, some as nobody of good will sends them.
import { seeded } from '../../../../src/cli/simulate.ts';

export type Schema = Readonly<Record<string, unknown>>;

const odd: readonly unknown[] = [
  null,
  '',
  -1,
  0.5,
  2 ** 53,
  1e308,
  'x'.repeat(5000),
  '\u0000',
  '\u{1F4A9}\u202E',
  '../../etc/passwd',
  "'; DROP TABLE machines; --",
  '{{ default_password }}',
  [],
  {},
  [[[]]],
  true,
  { __proto__x: 1, constructor: { a: 1 } },
  Array.from({ length: 300 }, () => 'a'),
];

export class Draw {
  readonly #random: () => number;
  /** Names and ids that the server knows, and some that it does not. */
  readonly known: string[];

  constructor(seed: number, known: readonly string[]) {
    this.#random = seeded(seed);
    this.known = [...known];
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  isChance(share: number): boolean {
    return this.#random() < share;
  }

  /** Errors: throws where there are none. */
  one<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to draw from');
    return item;
  }

  value(schema: Schema, depth = 0): unknown {
    if (this.isChance(0.03)) return this.one(odd);
    const { anyOf, oneOf, allOf } = schema;
    if ('const' in schema) return schema['const'];
    if (Array.isArray(schema['enum'])) return this.one(schema['enum']);
    for (const variants of [anyOf, oneOf, allOf]) {
      if (Array.isArray(variants)) return this.value(Object(this.one(variants)), depth);
    }
    if ('example' in schema && this.isChance(0.3)) return schema['example'];
    switch ([schema['type']].flat()[0]) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return Array.from({ length: this.below(4) }, () =>
          this.value(Object(schema['items']), depth + 1),
        );
      case 'integer':
      case 'number':
        return this.#number(schema);
      case 'boolean':
        return this.isChance(0.5);
      case 'string':
        return this.#text(schema);
      case 'null':
        return null;
      default:
        return depth > 4 ? null : this.one([1, 'a', { a: 'b' }, ['c'], null]);
    }
  }

  #object({ properties, required, additionalProperties }: Schema, depth: number): object {
    const needed: unknown[] = Array.isArray(required) ? required : [];
    const share = depth > 3 ? 0.1 : 0.4;
    const fields = Object.entries(Object(properties)).filter(
      ([name]) => (needed.includes(name) && !this.isChance(0.01)) || this.isChance(share),
    );
    const made = fields.map(([name, schema]) => [name, this.value(Object(schema), depth + 1)]);
    const isMap = typeof additionalProperties === 'object' && properties === undefined;
    if (isMap && additionalProperties !== null) {
      made.push([this.one(this.known), this.value(Object(additionalProperties), depth + 1)]);
    }
    if (this.isChance(0.02)) made.push(['unheard_of', 1]);
    return Object.fromEntries(made);
  }

  #number({ minimum = 0, maximum = 1e6 }: Schema): number {
    const [least, most] = [Number(minimum), Number(maximum)];
    if (this.isChance(0.2)) return this.one([least, most, least - 1, most + 1]);
    return least + this.below(Math.min(most - least, 1e6) + 1);
  }

  #text({ format, pattern, examples }: Schema): string {
    if (Array.isArray(examples) && this.isChance(0.5)) return String(this.one(examples));
    if (format === 'date-time') return this.one(['2026-01-02T03:04:05Z', '2099-12-31T23:59:60Z']);
    if (typeof pattern === 'string' && pattern.includes('a-f')) {
      const fits = this.known.filter((text) => new RegExp(pattern).test(text));
      if (fits.length > 0) return this.one(fits);
    }
    return this.one(this.known);
  }
}
