// The operators' program with servers and tokens that are not right.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { operatorCommands } from '../../../src/cli/operator/program.ts';
import { isAppError } from '../../../src/core/errors.ts';
import { startServer, temporaryDirectory } from '../../server/harness.ts';
import { hasOpenssl, TestCa } from '../../transport/test-ca.ts';
import { runLine } from '../run-command.ts';
import { desk, refusal } from './desk.ts';

/** The address of a server that answers everything with this. */
async function answering(answer: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(answer);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  // A TCP server that listens has a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const id = '01930000-0000-7000-8000-000000000001';
/** Follow a server for ever, or take an answer of any kind. */
const others = /^(?:events|context|backup|images)/;
const lines = operatorCommands
  .flatMap(({ examples = [] }) => examples)
  .filter((line) => !others.test(line))
  .map((line) => line.replaceAll(/\bnode-\d\b/g, id));

/** The words of a line, of which one in quotes may have blanks. */
const wordsOf = (line: string): string[] =>
  (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));

describe.each(['{}', '[]', 'null', '"ready"', '{"status":"ok"}', '{"value":7}'])(
  'a server that is another one and answers %s',
  (answer) => {
    it('is said to be none, by every command', async () => {
      const env = {
        DRAGONFLY_SERVER: await answering(answer),
        DRAGONFLY_CONTEXTS: `${temporaryDirectory()}/none`,
      };
      const input = 'metadata: { name: t }\nspec: {}';
      const file = join(temporaryDirectory(), 'debian-cloud.yaml');
      writeFileSync(file, input);
      const taken: string[] = [];
      for (const line of lines) {
        const words = wordsOf(line.replace('debian-cloud.yaml', file));
        const done = runLine(operatorCommands, words, { env, input, answer: 'y' });
        const taking = await done.then(
          ({ stdout }) => stdout,
          (err: unknown) => (isAppError(err, 'server.garbled') ? undefined : String(err)),
        );
        if (taking !== undefined) taken.push(`${line}: ${taking}`);
      }
      expect(taken).toEqual([]);
    });
  },
);

it('names a file that should hold a token and is empty', async () => {
  const { run } = await desk();
  const file = join(temporaryDirectory(), 'token');
  writeFileSync(file, '\n');
  expect(await refusal(run(`machines list --token-file ${file}`))).toBe(
    `config.invalid: ${file} gives no token: it is empty`,
  );
});

it('warns of variables that come before the context that was chosen', async () => {
  const { server, run } = await desk();
  const env = {
    DRAGONFLY_CONTEXTS: join(temporaryDirectory(), 'config.yaml'),
    DRAGONFLY_CONTEXT: 'other',
    DRAGONFLY_TOKEN: 'any',
  };
  const { stderr } = await run(`context set lab ${server.url}`, { env });
  expect(stderr.split('\n').map((line) => line.split(' is set')[0])).toEqual([
    'warning: DRAGONFLY_CONTEXT',
    'warning: DRAGONFLY_SERVER',
    'warning: DRAGONFLY_TOKEN',
    '',
  ]);
  const none = { ...env, DRAGONFLY_SERVER: undefined, DRAGONFLY_TOKEN: undefined };
  const quiet = { env: { ...none, DRAGONFLY_CONTEXT: 'lab' } };
  expect((await run('context use lab', quiet)).stderr).toBe('');
});

it('says of an address that it may be that of TLS, and of none', async () => {
  const { server, run } = await desk();
  const tls = server.url.replace('http:', 'https:');
  expect(await refusal(run(`machines list --server ${tls}`))).toContain('may be http://');
  if (!hasOpenssl) return;
  const ca = new TestCa();
  onTestFinished(() => ca.remove());
  const { url } = await startServer({ tls: ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01') });
  const plain = url.replace('https:', 'http:');
  expect(await refusal(run(`machines list --server ${plain}`))).toContain('is https://');
});

it('says that a search read every record, beside what it found', async () => {
  const found = { machines: [], unindexed: true, next_cursor: null };
  const env = {
    DRAGONFLY_SERVER: await answering(JSON.stringify(found)),
    DRAGONFLY_CONTEXTS: `${temporaryDirectory()}/none`,
  };
  const { code, stdout, stderr } = await runLine(
    operatorCommands,
    ['machines', 'list', 'r7', '--json'],
    {
      env,
    },
  );
  expect([code, JSON.parse(stdout), stderr]).toEqual([
    0,
    [],
    expect.stringMatching(/read every record.*--tag or --state/),
  ]);
});
