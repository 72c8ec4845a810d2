// The settings engine of both programs: specs are data, and each value is found with its source.
// setting-layers.ts knows the places of values.
import { AppError } from '../errors.ts';
import { stringifyExact } from '../text/exact-json.ts';

export type SettingValue = string | number | boolean;

/** A setting. Its name gives its spelling in each place: see setting-layers.ts. */
export type SettingSpec = {
  readonly describe: string;
  /** The word for its value in the help: "FILE". */
  readonly value?: string;
  /** Its flag where that is another word than its name; false: none, as everybody on the host sees a flag. */
  readonly flag?: string | false;
  /** Never shown: "set" stands for its value. */
  readonly secret?: true;
} & (
  | {
      readonly type: 'string';
      readonly default?: string;
      readonly choices?: readonly string[];
      /** Its value where the flag stands alone. */
      readonly bare?: string;
      /** The text in its one spelling; throws a sentence that says what it must be. */
      readonly parse?: (text: string) => string;
    }
  | {
      readonly type: 'number';
      readonly default?: number;
      /** The smallest and the largest value; without it any number above zero. */
      readonly range?: readonly [min: number, max: number];
    }
  | { readonly type: 'boolean'; readonly default?: boolean }
);

export type SettingSpecs = Readonly<Record<string, SettingSpec>>;

type TypeOf<S extends SettingSpec> = S extends { readonly type: 'boolean' }
  ? boolean
  : S extends { readonly type: 'number' }
    ? number
    : string;

export interface Settings<Specs extends SettingSpecs> {
  readonly values: {
    readonly [N in keyof Specs]: Specs[N] extends { readonly default: unknown }
      ? TypeOf<Specs[N]>
      : TypeOf<Specs[N]> | undefined;
  };
  /** The place of each value: "--listen", "DRAGONFLY_LISTEN", "default"; undefined where none has it. */
  readonly sources: { readonly [N in keyof Specs]: string | undefined };
}

/** A place that settings stand in. */
export interface Layer {
  /** The spelling of a setting there with its value, if it has one; undefined where it cannot stand. */
  read(
    name: string,
    spec: SettingSpec,
  ): { readonly at: string; readonly value: unknown } | undefined;
}

/** Takes each setting from the first layer that has it, else its default.
 *  Errors: AppError `config.invalid` with the place of the fault. */
export function readSettings<Specs extends SettingSpecs>(
  specs: Specs,
  layers: readonly Layer[],
): Settings<Specs> {
  const values: Record<string, SettingValue | undefined> = {};
  const sources: Record<string, string | undefined> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const found = layers
      .map((layer) => layer.read(name, spec))
      .find((place) => place?.value !== undefined);
    values[name] = found === undefined ? spec.default : parseSetting(spec, found.value, found.at);
    sources[name] = found?.at ?? (spec.default === undefined ? undefined : 'default');
  }
  // Each value was given the type of its spec just above, under the name of its spec.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { values, sources } as Settings<Specs>;
}

/** The value that `raw`, which stands in `at`, means. Errors: AppError `config.invalid`. */
export function parseSetting(spec: SettingSpec, raw: unknown, at: string): SettingValue {
  try {
    return convert(spec, typeof raw === 'string' ? raw.trim() : raw);
  } catch (cause) {
    const shown = spec.secret === true ? 'its value' : shownValue(raw);
    throw new AppError('config.invalid', `${at}: ${shown} cannot be used`, {
      cause,
      details: { source: at },
    });
  }
}

/** A value as it was written, without a password in an address, which may have any character in it. */
function shownValue(raw: unknown): string {
  const text = typeof raw === 'number' ? String(raw) : stringifyExact(raw);
  return text.replace(/\/\/.*@/, '//…@').slice(0, 200);
}

/** Throws a sentence that says what the value must be. */
function convert(spec: SettingSpec, value: unknown): SettingValue {
  if (value === '' || value === null) throw new Error('it is empty');
  switch (spec.type) {
    case 'string':
      if (typeof value !== 'string') throw new Error('it must be a text');
      if (spec.choices?.includes(value) === false) {
        throw new Error(`it must be one of ${spec.choices.join(', ')}`);
      }
      return spec.parse?.(value) ?? value;
    case 'boolean':
      if (value === true || value === 'true' || value === '1') return true;
      if (value === false || value === 'false' || value === '0') return false;
      throw new Error('it must be true or false');
    case 'number': {
      const [min, max] = spec.range ?? [Number.MIN_VALUE, Number.MAX_VALUE];
      // Digits beyond what a number holds come as a bigint.
      const isLong = typeof value === 'string' || typeof value === 'bigint';
      const number = isLong ? Number(value) : value;
      if (typeof number === 'number' && number >= min && number <= max) return number;
      throw new Error(
        spec.range === undefined
          ? 'it must be a number above zero'
          : `it must be a number from ${min} to ${max}`,
      );
    }
  }
}

export interface ShownSetting {
  readonly setting: string;
  readonly value: SettingValue | null;
  readonly source: string | null;
}

/** Each setting as people may see it: null for what is not set, "set" for a secret. */
export function shownSettings<Specs extends SettingSpecs>(
  specs: Specs,
  { values, sources }: Settings<Specs>,
): ShownSetting[] {
  return Object.entries(specs).map(([name, spec]) => {
    const value = values[name];
    const shown = value === undefined ? null : spec.secret === true ? 'set' : value;
    return { setting: name, value: shown, source: sources[name] ?? null };
  });
}
