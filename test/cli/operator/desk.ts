// A server and a shell of an operator before it.
import { operatorCommands } from '../../../src/cli/operator/program.ts';
import { AppError } from '../../../src/core/errors.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  temporaryDirectory,
  type TestServer,
} from '../../server/harness.ts';
import { runLine, type Surroundings } from '../run-command.ts';

export interface Desk {
  readonly server: TestServer;
  /** Runs a line of the program. */
  readonly run: (
    line: string,
    more?: Surroundings,
  ) => Promise<{ code: number; stdout: string; stderr: string }>;
}

export async function desk(machines = 0): Promise<Desk> {
  const server = await startServer();
  const env = { DRAGONFLY_SERVER: server.url, DRAGONFLY_CONTEXTS: `${temporaryDirectory()}/none` };
  for (let n = 1; n <= machines; n += 1) {
    await server.call('POST', '/api/agent/checkin', {
      body: { ...checkin(n), hostname: `node-${n}` },
    });
  }
  for (const template of [imageTemplate, rebootTemplate]) {
    await server.call('PUT', `/api/templates/${template.metadata.name}`, { body: template });
  }
  const run: Desk['run'] = (line, more = {}) =>
    runLine(operatorCommands, line.split(' '), { ...more, env: { ...env, ...more.env } });
  return { server, run };
}

export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (err) {
    if (err instanceof AppError) return `${err.code}: ${err.message}`;
    throw err;
  }
  throw new Error('nothing was refused');
}
