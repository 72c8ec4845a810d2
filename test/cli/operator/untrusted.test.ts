// A server whose certificate nobody vouches for, as the command line tells of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operatorCommands } from '../../../src/cli/operator/program.ts';
import { startServer, temporaryDirectory } from '../../server/harness.ts';
import { hasOpenssl, TestCa } from '../../transport/test-ca.ts';
import { runLine } from '../run-command.ts';

describe.skipIf(!hasOpenssl)('a server with a certificate of its own (needs openssl)', () => {
  let ca: TestCa;
  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());

  it('is refused with what to give, by the names that the command line has for it', async () => {
    const tls = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
    const { url } = await startServer({ tls });
    const env = { DRAGONFLY_SERVER: url, DRAGONFLY_CONTEXTS: `${temporaryDirectory()}/none` };
    await expect(runLine(operatorCommands, ['machines', 'list'], { env })).rejects.toMatchObject({
      code: 'server.untrusted',
      message: expect.stringMatching(/with --ca-file, or in a context with --ca-sha256$/),
    });
  });
});
