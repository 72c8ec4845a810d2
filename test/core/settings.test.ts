import { describe, expect, it } from 'vitest';
import { closest } from '../../src/core/text/closest.ts';
import {
  documentLayer,
  environmentLayer,
  flagLayer,
  kernelLayer,
} from '../../src/core/settings/setting-layers.ts';
import {
  readSettings,
  shownSettings,
  type Layer,
  type SettingSpecs,
} from '../../src/core/settings/settings.ts';

const specs = {
  tls_key: { type: 'string', describe: '', parse: (text) => text.toLowerCase() },
  size: { type: 'number', range: [1, 5], describe: '' },
  rate: { type: 'number', default: 3, describe: '' },
  open: { type: 'boolean', describe: '' },
  level: { type: 'string', choices: ['low', 'high'], describe: '' },
  password: { type: 'string', secret: true, describe: '', parse: refuse },
  address: { type: 'string', flag: 'server', describe: '' },
} as const satisfies SettingSpecs;

function refuse(): string {
  throw new Error('it must be good');
}

/** The error of these layers, with its cause. */
function errorOf(...layers: Layer[]): { code: string; text: string } {
  try {
    readSettings(specs, layers);
  } catch (err) {
    const { code, message, cause } = err as { code: string; message: string; cause: Error };
    return { code, text: `${message}: ${cause.message}` };
  }
  throw new Error('nothing was refused');
}

describe('readSettings', () => {
  it('spells a setting in the way of each layer and takes it from the first that has it', () => {
    const layers = [
      flagLayer({ 'tls-key': 'A', server: 'f' }),
      environmentLayer({ DRAGONFLY_TLS_KEY: 'b', DRAGONFLY_SIZE: '2', DRAGONFLY_OPEN: '1' }),
      documentLayer('a.yaml', { size: 3, rate: 4, open: false }, specs),
      kernelLayer(new Map([['dragonfly.level', 'low']])),
    ];
    expect(readSettings(specs, layers)).toEqual({
      values: { tls_key: 'a', size: 2, rate: 4, open: true, level: 'low', address: 'f' },
      sources: {
        tls_key: '--tls-key',
        size: 'DRAGONFLY_SIZE',
        rate: 'a.yaml: rate',
        open: 'DRAGONFLY_OPEN',
        level: 'dragonfly.level on the kernel command line',
        address: '--server',
      },
    });
    const { values, sources } = readSettings(specs, []);
    expect([values.rate, sources.rate, values.size, sources.size]).toEqual([
      3,
      'default',
      undefined,
      undefined,
    ]);
  });

  it('takes an empty variable and an empty kernel parameter for unset, but no empty flag', () => {
    const empty = [
      environmentLayer({ DRAGONFLY_SIZE: '' }),
      kernelLayer(new Map([['dragonfly.size', '']])),
    ];
    expect(readSettings(specs, empty).values.size).toBeUndefined();
    expect(errorOf(flagLayer({ server: '' })).text).toBe(
      '--server: "" cannot be used: it is empty',
    );
  });

  it.each([
    [
      { DRAGONFLY_SIZE: '6' },
      'DRAGONFLY_SIZE: "6" cannot be used: it must be a number from 1 to 5',
    ],
    [
      { DRAGONFLY_SIZE: 'NaN' },
      'DRAGONFLY_SIZE: "NaN" cannot be used: it must be a number from 1 to 5',
    ],
    [
      { DRAGONFLY_RATE: '-1' },
      'DRAGONFLY_RATE: "-1" cannot be used: it must be a number above zero',
    ],
    [{ DRAGONFLY_OPEN: 'yes' }, 'DRAGONFLY_OPEN: "yes" cannot be used: it must be true or false'],
    [
      { DRAGONFLY_LEVEL: 'mid' },
      'DRAGONFLY_LEVEL: "mid" cannot be used: it must be one of low, high',
    ],
    [
      { DRAGONFLY_PASSWORD: 'hunter2' },
      'DRAGONFLY_PASSWORD: its value cannot be used: it must be good',
    ],
  ])('refuses %j with the place and what it must be', (environment, text) => {
    expect(errorOf(environmentLayer(environment))).toEqual({ code: 'config.invalid', text });
  });

  it('refuses a document with a value of another type, or with a setting that there is not', () => {
    expect(errorOf(documentLayer('a.yaml', { tls_key: 3 }, specs)).text).toBe(
      'a.yaml: tls_key: 3 cannot be used: it must be a text',
    );
    expect(errorOf(documentLayer('a.yaml', { tls_key: null }, specs)).text).toBe(
      'a.yaml: tls_key: null cannot be used: it is empty',
    );
    expect(errorOf(documentLayer('a.yaml', { rate: Infinity }, specs)).text).toContain(
      'rate: Infinity cannot',
    );
    const digits = 99_999_999_999_999_999_999n;
    expect(errorOf(documentLayer('a.yaml', { tls_key: digits }, specs)).text).toBe(
      'a.yaml: tls_key: 99999999999999999999 cannot be used: it must be a text',
    );
    expect(errorOf(documentLayer('a.yaml', { size: digits }, specs)).text).toBe(
      'a.yaml: size: 99999999999999999999 cannot be used: it must be a number from 1 to 5',
    );
    expect(
      readSettings(specs, [documentLayer('a.yaml', { rate: digits }, specs)]).values.rate,
    ).toBe(1e20);
    expect(() => documentLayer('a.yaml', { tsl_key: 'x' }, specs)).toThrow(
      'a.yaml: unknown setting tsl_key; did you mean tls_key?',
    );
    expect(() => documentLayer('a.yaml', { zzz: 'x' }, specs)).toThrow(
      'the settings are tls_key, size',
    );
    expect(() => documentLayer('a.yaml', [], specs)).toThrow('a.yaml must hold settings');
  });

  it.each(['me:secret', 'me:sec/ret', 'me:s@cret', 'me:s cret'])(
    'shows nothing of %s in an address that it refuses',
    (user) => {
      const address = { type: 'string', describe: '', parse: refuse } as const;
      const read = () => readSettings({ address }, [flagLayer({ address: `http://${user}@a` })]);
      expect(read).toThrow('--address: "http://…@a" cannot be used');
    },
  );

  it('shows "set" for a secret, and null for what is not set', () => {
    const secret = {
      token: { type: 'string', secret: true, describe: '' },
      size: specs.size,
    } as const;
    const settings = readSettings(secret, [flagLayer({ token: 'dfo_x' })]);
    expect(shownSettings(secret, settings)).toEqual([
      { setting: 'token', value: 'set', source: '--token' },
      { setting: 'size', value: null, source: null },
    ]);
  });
});

describe('closest', () => {
  it('finds what was meant, and nothing for another word', () => {
    const words = ['inventory', 'identify', 'run', 'config'];
    expect(closest('invnetory', words)).toBe('inventory');
    expect(closest('identity', words)).toBe('identify');
    expect(closest('rn', words)).toBe('run');
    expect(closest('simulate', words)).toBeUndefined();
    expect(closest('', words)).toBeUndefined();
    expect(closest('x', [])).toBeUndefined();
  });
});
