// Follows a tutorial as its reader does: each ```sh block in one shell, in order, and what it prints held against the
// block that follows it. The programs are those of this repository.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../store/etcd/etcd-server.ts';
import { readPage, repository } from './pages.ts';

const programs = ['dragonfly', 'dragonfly-agent', 'dragonfly-server', 'dragonfly-simulate'];

export interface Step {
  /** Commands, and the line of the page that they begin in. */
  readonly commands: string;
  readonly line: number;
  /** The output that the page shows; undefined where it shows none. */
  readonly shown: string | undefined;
}

/** A block of commands, and behind it, after blank lines alone, a block without a language. */
export function stepsOf(path: string): readonly Step[] {
  const { text } = readPage(path);
  const blocks = text.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n*```\n([\s\S]*?)^```$)?/gm);
  return [...blocks].map(({ index, 1: commands = '', 2: shown }) => ({
    commands,
    line: text.slice(0, index).split('\n').length + 1,
    shown,
  }));
}

/** The text without what differs from run to run: ids, times, tokens, names drawn at random and figures with a unit
 *  stand under one name, and blanks count as one. */
export function comparable(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'ID')
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME')
    .replaceAll(/\b(df[oem]|whsec)_[\w+/=-]+/g, '$1_SECRET')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'DIGEST')
    .replaceAll(/\b(?:[A-Z][a-z]+){4}\b/g, 'NAME')
    .replaceAll(/\b\d+(?:\.\d+)? (ms|s|MB|kB)\b/g, 'N $1')
    .replaceAll(/[^\S\n]+/g, ' ')
    .replaceAll(/^ | $/gm, '')
    .trim();
}

/** True if what was printed is what the page shows: a line "…" there stands for any lines, and "…" in a line for any
 *  text. */
export function isShown(shown: string, printed: string): boolean {
  const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const pattern = comparable(shown)
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(literal).join('.*')}\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(`${comparable(printed)}\n`);
}

/** The outcome of a step. */
export interface Result {
  readonly printed: string;
  /** Undefined where an earlier step ended the shell. */
  readonly code: number | undefined;
}

/** Less than the tests of tutorials have: one that hangs says how far it came, and leaves nothing running. */
const endsWithinMs = 150_000;

/** Runs the steps in one shell with a home directory of its own. Ports on loopback become free ones, and are shown as
 *  the page has them. All that the steps leave running ends. */
export async function follow(
  steps: readonly Step[],
  timeoutMs = endsWithinMs,
): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-tutorial-'));
  const ports = await otherPorts(steps);
  const script = steps.map(
    ({ commands }, i) =>
      `{ ${exchange(commands, ports)}\n} > ${folder}/${i}.printed 2>&1 < /dev/null\necho $? > ${folder}/${i}.code\n`,
  );
  try {
    await runShell(script.join(''), folder, timeoutMs);
    const back = new Map([...ports].map(([page, here]) => [here, page]));
    const read = (name: string): string =>
      existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
    return steps.map((_, i) => {
      const code = read(`${i}.code`);
      return {
        printed: exchange(read(`${i}.printed`), back).replaceAll(folder, '~'),
        code: code === '' ? undefined : Number(code),
      };
    });
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 5 });
  }
}

async function runShell(script: string, folder: string, timeout: number): Promise<void> {
  const [home, bin] = [join(folder, 'home'), join(folder, 'bin')];
  for (const path of [home, bin]) mkdirSync(path);
  // For what a page does in a clone.
  symlinkSync(repository, join(home, 'dragonfly-agent'));
  for (const name of programs) {
    const start = `exec '${process.execPath}' '${join(repository, 'src/cli', name)}.ts' "$@"`;
    writeFileSync(join(bin, name), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  }
  const shell = spawn('bash', ['--noprofile', '--norc', '-c', script], {
    cwd: home,
    // A group of its own, to end what it leaves in the background.
    detached: true,
    stdio: 'ignore',
    timeout,
    env: {
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: home,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    },
  });
  const { pid } = shell;
  if (pid === undefined) throw new Error('bash cannot be started');
  try {
    await once(shell, 'exit');
  } finally {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nothing is left of the group.
    }
  }
}

const loopbackPort = /(?<=\b(?:127\.0\.0\.1|localhost):)\d+/g;

/** The ports that the commands name, each with a free one. */
async function otherPorts(steps: readonly Step[]): Promise<ReadonlyMap<string, string>> {
  const named = new Set(steps.flatMap(({ commands }) => commands.match(loopbackPort) ?? []));
  const free = await freePorts(named.size);
  return new Map([...named].map((port, i) => [port, String(free[i])]));
}

function exchange(text: string, ports: ReadonlyMap<string, string>): string {
  return text.replaceAll(loopbackPort, (port) => ports.get(port) ?? port);
}
