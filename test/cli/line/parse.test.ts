import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { command, type Program } from '../../../src/cli/command.ts';
import { helpText } from '../../../src/cli/line/help.ts';
import { parse } from '../../../src/cli/line/parse.ts';
import { AppError } from '../../../src/core/errors.ts';

const run = () => Promise.resolve(0);
const make = command({
  name: 'make',
  describe: 'make a thing',
  positionals: {
    thing: { describe: 'what to make', choices: ['tea', 'soup'] },
    note: { describe: 'a note on it', isOptional: true },
  },
  settings: {
    url: { type: 'string', flag: 'server', describe: 'address', default: 'here' },
    log: { type: 'string', choices: ['low', 'high'], describe: 'how loud' },
    key: { type: 'string', flag: false, describe: 'of the cupboard' },
    fast: { type: 'boolean', describe: 'in a hurry' },
  },
  options: {
    output: { type: 'string', short: 'o', value: 'FILE', describe: 'where it goes' },
    cups: { type: 'number', range: [1, 9], default: 2, describe: 'how many' },
    milk: { type: 'string', value: 'KIND', bare: 'whole', describe: 'with milk' },
    hot: { type: 'boolean', short: 'H', describe: 'make it hot', excludes: ['cold'] },
    cold: { type: 'boolean', describe: 'make it cold' },
  },
  run,
});
const clean = command({ name: 'clean', describe: 'clean up', options: {}, run });
const program: Program = {
  name: 'kitchen',
  describe: 'cooks',
  version: '1.2.3',
  commands: [make, clean],
  moved: { shop: 'market' },
};

function args(...argv: string[]) {
  const parsed = parse(program, argv);
  if (parsed.kind !== 'run') throw new Error(parsed.kind);
  return parsed.args;
}

function refusal(argv: readonly string[], of = program): string {
  try {
    parse(of, argv);
  } catch (err) {
    if (err instanceof AppError && err.code === 'usage.invalid') return err.message;
    throw err;
  }
  throw new Error('nothing was refused');
}

function errorCode(argv: readonly string[]): unknown {
  try {
    parse(program, argv);
  } catch (err) {
    return err instanceof AppError ? err.code : err;
  }
  return undefined;
}

describe('parse', () => {
  it('gives an option that stands alone the value that it has then', () => {
    const milk = (...words: string[]) => args('make', 'tea', ...words)['milk'];
    expect(milk()).toBeUndefined();
    for (const words of [['--milk'], ['--milk', '-H'], ['--milk', '--cups', '3']]) {
      expect(milk(...words)).toBe('whole');
    }
    expect([milk('--milk', 'oat'), milk('--milk=oat')]).toEqual(['oat', 'oat']);
    expect(args('--milk', '--cups', '3', 'make', 'tea')).toMatchObject({ milk: 'whole', cups: 3 });
    expect(helpText(program, make)).toContain('--milk [KIND]');
  });

  it('gives options and arguments by name, with defaults, but settings only where they were given', () => {
    expect(args('make', 'tea')).toEqual({ thing: 'tea', cups: 2, hot: false, cold: false });
    expect(args('make', '-Ho', 'cup', 'tea', '--cups=3', '--server', 'there', 'sweet')).toEqual({
      thing: 'tea',
      note: 'sweet',
      output: 'cup',
      cups: 3,
      hot: true,
      cold: false,
      server: 'there',
    });
    expect(args('make', 'tea', '--no-fast')).toMatchObject({ fast: false });
    expect(args('make', '--output=-', '-o', '-', '--', 'tea', '--hot')).toMatchObject({
      output: '-',
      thing: 'tea',
      note: '--hot',
      hot: false,
    });
  });

  it('finds the command behind options, and the default command without one', () => {
    expect(args('-o', 'clean', 'make', 'tea')).toMatchObject({ output: 'clean', thing: 'tea' });
    const parsed = parse({ ...program, defaultCommand: clean }, []);
    expect(parsed).toEqual({ kind: 'run', command: clean, args: {} });
    const beside = { ...program, commands: [clean], defaultCommand: { ...make, positionals: {} } };
    expect(parse(beside, ['-o', 'x', '--hot'])).toMatchObject({ args: { output: 'x' } });
    const single = { name: 'make', describe: '', version: '', defaultCommand: make };
    expect(parse(single, ['soup'])).toMatchObject({ kind: 'run', args: { thing: 'soup' } });
  });

  it.each([
    [[], 'name a command: make, clean (see kitchen --help)'],
    [['cleen'], 'unknown command "cleen"; did you mean clean? (see kitchen --help)'],
    [['hiden'], 'unknown command "hiden" (see kitchen --help)'],
    [['constructor'], 'unknown command "constructor" (see kitchen --help)'],
    [['shop'], 'shop is now a program of its own: market (see market --help)'],
    [['make'], '<thing> is missing (see kitchen make --help)'],
    [['make', 'te'], '<thing> must be one of tea, soup, not "te" (see kitchen make --help)'],
    [['make', 'tea', 'a', 'b'], 'unexpected argument "b" (see kitchen make --help)'],
    [['make', 'tea', '--outptu', 'x'], 'unknown option --outptu; did you mean --output?'],
    [['make', 'tea', '--constructor'], 'unknown option --constructor (see'],
    [['make', 'tea', '--__proto__=1'], 'unknown option --__proto__ (see'],
    [['make', 'tea', '-x'], 'unknown option -x (see'],
    [['make', 'tea', '--output'], '--output needs a value (see'],
    [['make', 'tea', '--output='], '--output needs a value (see'],
    [['make', 'tea', '-o', ''], '-o needs a value (see'],
    [['make', 'tea', '--server', ''], '--server needs a value (see'],
    [['--outptu', 'x'], 'unknown option --outptu; did you mean --output? (see kitchen --help)'],
    [['--outptu', 'x', 'make'], 'unknown option --outptu'],
    [['--output', '--cups', '3', 'make'], '--output needs a value; a value with a dash'],
    [['--nonsense'], 'unknown option --nonsense (see kitchen --help)'],
    [['--', '--output'], 'unknown command "--output"'],
    [['make', 'tea', '-o', '--hot'], '-o needs a value; a value with a dash in front is written'],
    [['make', 'tea', '--hot=yes'], '--hot takes no value (see'],
    [['make', 'tea', '--cups', 'many'], '--cups must be a number from 1 to 9, not "many" (see'],
    [['make', 'tea', '--cups', '10'], '--cups must be a number from 1 to 9, not "10" (see'],
    [['make', 'tea', '--cups='], '--cups must be a number from 1 to 9, not "" (see'],
    [['make', 'tea', '--log', 'mid'], '--log must be one of low, high, not "mid" (see'],
    [['make', 'tea', '--cold', '--hot'], '--hot and --cold cannot be given together (see'],
  ])('refuses %j with what is wrong and where to look', (argv, message) => {
    expect(refusal(argv)).toContain(message);
  });

  it('answers --help and --version wherever they stand, even among errors', () => {
    expect(parse(program, ['--help'])).toEqual({ kind: 'help', command: undefined });
    expect(parse(program, ['make', '--bogus', '-h'])).toEqual({ kind: 'help', command: make });
    expect(parse(program, ['make', '--version'])).toEqual({ kind: 'version' });
    expect(parse(program, ['--version'])).toEqual({ kind: 'version' });
    expect(args('make', 'tea', '--', '--help')).toMatchObject({ note: '--help' });
  });

  it('refuses any other words without an error of its own', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('make', 'tea', '-o', '--hot', '--cups', '--'),
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        expect(errorCode(argv)).toBeOneOf([undefined, 'usage.invalid']);
      }),
    );
  });
});

describe('the help', () => {
  it('lists the commands but those for internal use', () => {
    expect(helpText(program, undefined)).toMatchInlineSnapshot(`
      "Usage: kitchen <command> [options]

      Cooks.

      Commands:
        make <thing> [note]  make a thing
        clean                clean up

      Common options:
        -h, --help     print this help
            --version  print the version

      Environment:
        DRAGONFLY_DEBUG  if set, errors are printed with their stack

      "kitchen <command> --help" describes a command.
      "
    `);
  });

  it('describes a command with arguments, options and settings in 80 columns', () => {
    expect(helpText(program, make)).toMatchInlineSnapshot(`
      "Usage: kitchen make <thing> [note] [options]

      Make a thing.

      Arguments:
        thing  what to make: tea, soup
        note   a note on it

      Options:
        -o, --output FILE  where it goes
            --cups NUMBER  how many (default: 2)
            --milk [KIND]  with milk
        -H, --hot          make it hot
            --cold         make it cold

      Settings, with their environment variables:
            --server TEXT   address (default: here) [DRAGONFLY_URL]
            --log low|high  how loud [DRAGONFLY_LOG]
            DRAGONFLY_KEY   of the cupboard
            --fast          in a hurry [DRAGONFLY_FAST]

      Common options:
        -h, --help     print this help
            --version  print the version

      Environment:
        DRAGONFLY_DEBUG  if set, errors are printed with their stack
      "
    `);
  });
});

describe('commands of two words', () => {
  const name = (verb: string, more = {}) =>
    command({ name: `cups ${verb}`, describe: `${verb} cups`, options: {}, run, ...more });
  const washing = name('wash', {
    positionals: { soap: { describe: '' }, cups: { describe: '', isMany: true } },
    options: { hot: { type: 'boolean', describe: 'hot' } },
  });
  const grouped: Program = {
    name: 'kitchen',
    describe: '',
    version: '',
    commands: [clean, washing, name('dry')],
  };

  it('take options anywhere, and all further words where they take many', () => {
    const parsed = parse(grouped, ['--hot', 'cups', 'wash', 'pine', 'a', 'b']);
    expect(parsed).toMatchObject({
      kind: 'run',
      command: washing,
      args: { soap: 'pine', cups: ['a', 'b'], hot: true },
    });
    expect(parse(grouped, ['clean'])).toMatchObject({ command: clean });
  });

  it.each([
    [['cups'], 'say what to do: cups wash, cups dry (see kitchen --help)'],
    [['dry', 'cups'], 'unknown command "dry"; did you mean cups dry? (see kitchen --help)'],
    [['cups', 'wahs'], 'unknown command "cups wahs"; did you mean cups wash? (see kitchen --help)'],
    [['cups', 'wash', 'pine'], '<cups> is missing (see kitchen cups wash --help)'],
    [['cups', 'dry', 'x'], 'unexpected argument "x" (see kitchen cups dry --help)'],
  ])('%j: %s', (argv, message) => {
    expect(refusal(argv, grouped)).toBe(message);
  });

  it('have a help for the group', () => {
    const parsed = parse(grouped, ['cups', '--help']);
    if (parsed.kind !== 'help') throw new Error(parsed.kind);
    const text = helpText(grouped, parsed.command, parsed.group);
    expect(text).toContain('cups wash <soap> <cups…>');
    expect(text).not.toContain('clean');
  });
});
