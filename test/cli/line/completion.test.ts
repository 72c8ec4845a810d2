// The scripts that `completion` prints, in the shells that they are for.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, type Io, type Program } from '../../../src/cli/command.ts';
import { complete, completed } from '../../../src/cli/line/completion.ts';

const run = () => Promise.resolve(0);
const make = command({
  name: 'make',
  describe: 'make a thing',
  positionals: {
    thing: { describe: '', choices: ['tea', 'toast'] },
    into: { value: 'FILE', describe: '', isOptional: true },
    note: { describe: '', isOptional: true },
  },
  settings: { log_level: { type: 'string', choices: ['low', 'high'], describe: 'how loud' } },
  options: {
    output: { type: 'string', short: 'o', value: 'DIR', describe: 'where it goes' },
    label: { type: 'string', describe: 'what is on it' },
    guest: { type: 'string', names: 'guests', describe: 'who gets it' },
    cups: { type: 'number', describe: 'how many' },
    hot: { type: 'boolean', describe: 'make it hot' },
  },
  run,
});
const program: Program = { name: 'kitchen', describe: '', version: '', commands: [make] };

describe('complete', () => {
  it.each([
    [[''], ['make\tmake a thing']],
    [['m'], ['make\tmake a thing']],
    [['x'], []],
    [['--v'], ['--version\tprint the version']],
    [
      ['make', 't'],
      ['tea', 'toast'],
    ],
    [['make', '--hot', 'te'], ['tea']],
    [['make', '-o', 'x', 'te'], ['tea']],
    [['make', 'tea', ''], [':files']],
    [['make', 'tea', 'a', ''], []],
    [['make', '--ho'], ['--hot\tmake it hot']],
    [['make', '--hot', '--h'], ['--help\tprint this help']],
    [
      ['make', '--log-level', ''],
      ['low', 'high'],
    ],
    [['make', '--log-level', 'h'], ['high']],
    [['make', '--log-level=h'], ['--log-level=high']],
    // As bash splits them.
    [
      ['make', '--log-level', '='],
      ['low', 'high'],
    ],
    [['make', '--log-level', '=', 'l'], ['low']],
    [['make', '--output', 'a'], [':files']],
    [['make', '--output=a'], [':files']],
    [['make', '-o', ''], [':files']],
    [['make', '--cups', ''], []],
    [['make', '--label', ''], []],
    [['make', '--label=x'], []],
    [[], ['make\tmake a thing']],
  ])('after %j offers %j', (words, expected) => {
    expect(complete(program, words).split('\n').slice(0, -1)).toEqual(expected);
  });

  it('offers names that the program looks up, and nothing where that fails', async () => {
    // The programs of this test look names up without it.
    const io = {} as Io;
    const namesFor = (kind: string) => Promise.resolve([`${kind}-1`, 'ann', 'a b', '$(rm)']);
    const party = { ...program, namesFor };
    expect(await completed(party, ['make', '--guest', 'g'], io)).toBe('guests-1\n');
    expect(await completed(party, ['make', '--guest=a'], io)).toBe('--guest=ann\n');
    expect(await completed(party, ['make', 't'], io)).toBe('tea\ntoast\n');
    const failing = { ...program, namesFor: () => Promise.reject(new Error('no server')) };
    expect(await completed(failing, ['make', '--guest', ''], io)).toBe('');
  });

  it('looks names up by the words as they were typed, which bash splits', async () => {
    const asked: (readonly string[])[] = [];
    const namesFor = (_kind: string, words: readonly string[]) => {
      asked.push(words);
      return Promise.resolve(['ann']);
    };
    // The programs of this test look names up without it.
    const io = {} as Io;
    const words = ['make', '--label', '=', 'http', ':', '//x', ':', '3', '--guest', '='];
    expect(await completed({ ...program, namesFor }, words, io)).toBe('ann\n');
    expect(asked).toEqual([['make', '--label', 'http://x:3', '--guest', '']]);
  });

  it('offers the last argument again where it takes many', async () => {
    const many = { describe: '', names: 'guests', isMany: true, isOptional: true } as const;
    const invite = command({
      name: 'invite',
      describe: '',
      positionals: { many },
      options: {},
      run,
    });
    const party = {
      ...program,
      commands: [invite],
      namesFor: () => Promise.resolve(['ann', 'bob']),
    };
    // The programs of this test look names up without it.
    const io = {} as Io;
    expect(await completed(party, ['invite', 'ann', ''], io)).toBe('ann\nbob\n');
  });

  it('offers the options of the default command beside the commands', () => {
    const words = complete({ ...program, defaultCommand: make }, ['--ho']);
    expect(words).toBe('--hot\tmake it hot\n');
  });
});

const repository = resolve(import.meta.dirname, '../../..');
let directory: string;
let env: Record<string, string>;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'dragonfly-completion-'));
  for (const name of ['dragonfly-agent', 'dragonfly-server']) {
    const source = join(repository, 'src/cli', `${name}.ts`);
    const text = `#!/bin/sh\nexec '${process.execPath}' '${source}' "$@"\n`;
    writeFileSync(join(directory, name), text, { mode: 0o755 });
  }
  env = { PATH: `${directory}:${process.env['PATH']}`, HOME: directory, TERM: 'xterm' };
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const has = (program_: string): boolean => spawnSync(program_, ['--version']).error === undefined;

/** Types at an interactive shell on a terminal of its own, until `pattern` shows. */
async function type(shell: string, keys: string, pattern: RegExp): Promise<string> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], { env, cwd: directory });
  child.stdin.write(keys);
  let shown = '';
  try {
    for await (const chunk of child.stdout) {
      shown += String(chunk);
      if (pattern.test(shown)) break;
    }
    return shown;
  } finally {
    child.kill('SIGKILL');
  }
}

const version = /seen:\d+\.\d+\.\d+/;

describe('the script for a shell', () => {
  it.skipIf(!has('script')).each(['dragonfly-agent', 'dragonfly-server'])(
    'lets bash complete an option of %s',
    async (name) => {
      const keys = `source <(${name} completion)\n${name} --vers\t | sed s/^/seen:/\n`;
      expect(await type('bash --norc -i', keys, version)).toMatch(version);
    },
  );

  it('lets bash complete the value behind "="', () => {
    const script = `
      source <(dragonfly-agent completion bash)
      COMP_WORDS=(dragonfly-agent run --mode = im) COMP_CWORD=4
      _dragonfly_agent dragonfly-agent
      complete -p dragonfly-agent
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const text = execFileSync('bash', ['--norc', '-c', script], { env, encoding: 'utf8' });
    expect(text).toBe('complete -F _dragonfly_agent dragonfly-agent\nimaging\n');
  });

  it.skipIf(!has('zsh') || !has('script'))('lets zsh complete an option', async () => {
    const start = 'autoload -U compinit; compinit -u -D; source <(dragonfly-agent completion zsh)';
    const keys = `${start}\ndragonfly-agent --vers\t | sed s/^/seen:/\n`;
    expect(await type('zsh -f -i', keys, version)).toMatch(version);
  });

  it.skipIf(!has('fish'))('lets fish complete commands, values and files', () => {
    const offered = (line: string): string[] => {
      const script = `dragonfly-agent completion fish | source; complete -C '${line}'`;
      const text = execFileSync('fish', ['--no-config', '-c', script], {
        env,
        cwd: directory,
        encoding: 'utf8',
      });
      return text.split('\n').slice(0, -1);
    };
    expect(offered('dragonfly-agent ident')).toEqual([
      'identify\tprint the identity of this machine',
    ]);
    expect(offered('dragonfly-agent run --mode=im')).toEqual(['--mode=imaging']);
    expect(offered('dragonfly-agent inventory --root dragonfly-s')[0]).toMatch(/^dragonfly-server/);
  });
});
