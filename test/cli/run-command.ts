// Runs a command of the command line in this process and gives what it printed.
import { Writable } from 'node:stream';
import type { Command, Io } from '../../src/cli/command.ts';
import { parse } from '../../src/cli/line/parse.ts';
import { silentLog } from '../../src/core/log.ts';

export interface Surroundings {
  readonly env?: Io['env'];
  /** The answer to every question; undefined: nobody is there. */
  readonly answer?: string;
  /** Runs while a question is asked. */
  readonly meanwhile?: () => Promise<unknown>;
  readonly onAsk?: (question: string) => void;
  readonly input?: string;
  readonly signal?: AbortSignal;
}

export function runCommand(
  command: Command,
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return runLine([command], [...command.name.split(' '), ...argv], { signal });
}

export async function runLine(
  commands: readonly Command[],
  argv: readonly string[],
  {
    env = {},
    answer,
    meanwhile,
    onAsk,
    input = '',
    signal = new AbortController().signal,
  }: Surroundings = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = { name: 'dragonfly-agent', describe: '', version: '1.2.3', commands };
  const parsed = parse(program, argv);
  if (parsed.kind !== 'run') throw new Error(`${argv.join(' ')} runs nothing`);
  const [stdout, stderr] = [new Sink(), new Sink()];
  const io: Io = {
    env,
    print: (text) => void stdout.write(text),
    // A command writes to them and nothing else.
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    signal,
    ask: async (question) => {
      onAsk?.(question);
      await meanwhile?.();
      return answer;
    },
    input: () => Promise.resolve(input),
    version: '1.2.3',
    log: () => Promise.resolve(silentLog),
  };
  const code = await parsed.command.run(parsed.args, io);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
