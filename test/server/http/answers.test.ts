import { describe, expect, it } from 'vitest';
import { AppError, errorCodes, httpStatus, type ErrorCode } from '../../../src/core/errors.ts';
import { openKv } from '../../../src/store/open.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { openStore } from '../../../src/store/open.ts';
import { startServer, temporaryDirectory, wrapStore } from '../harness.ts';

/** The answer of a server whose store fails each read of a template with `err`. */
async function answerTo(err: unknown) {
  const broken = wrapStore(await openStore('memory:'), (name, operation) =>
    name === 'templates.get'
      ? () => {
          throw err;
        }
      : operation,
  );
  const server = await startServer({ store: broken });
  const { status, body } = await server.call('GET', '/api/templates/x');
  return { status, code: body.code, error: body.error };
}

describe('an answer to a failed request', () => {
  it('names a damaged record by store.damaged, and quotes nothing of it', async () => {
    const kv = await openKv(`lmdb:${temporaryDirectory()}/data`);
    await kv.commit([], [{ key: 'templates/x', value: '{ "token_hash": "0123' }]);
    const server = await startServer({ store: storeOver(kv) });
    const { status, body } = await server.call('GET', '/api/templates/x');
    expect({ status, body }).toEqual({
      status: 500,
      body: {
        error: 'cannot parse the record templates/x; the log of the server has the details',
        code: 'store.damaged',
        request_id: expect.any(String),
      },
    });
  });

  it('names a secret that cannot be decrypted by secret.damaged', async () => {
    expect(await answerTo(new AppError('secret.damaged', 'cannot decrypt it'))).toEqual({
      status: 500,
      code: 'secret.damaged',
      error: 'cannot decrypt it; the log of the server has the details',
    });
  });

  it('has the code and the status of the table, for every code', async () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const { status, code: answered } = await answerTo(new AppError(code, 'sentence'));
      const expected = httpStatus(code);
      expect([status, answered]).toEqual(
        expected === null ? [500, 'internal.bug'] : [expected, code],
      );
    }
  });
});
