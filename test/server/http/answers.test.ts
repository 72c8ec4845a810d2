import { describe, expect, it } from 'vitest';
import { AppError, errorCodes, httpStatus, type ErrorCode } from '../../../src/core/errors.ts';
import { openKv } from '../../../src/store/open.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { openStore } from '../../../src/store/open.ts';
import { startServer, temporaryDirectory, wrapStore } from '../harness.ts';

/** A server whose store fails each read of a template. Returns the answers to those that fail with these errors. */
async function answersTo(errors: readonly unknown[]) {
  let err: unknown;
  const broken = wrapStore(await openStore('memory:'), (name, operation) =>
    name === 'templates.get'
      ? () => {
          throw err;
        }
      : operation,
  );
  const server = await startServer({ store: broken });
  const answers: { status: number; code: string; error: string }[] = [];
  for (err of errors) {
    const { status, body } = await server.call('GET', '/api/templates/x');
    answers.push({ status, code: body.code, error: body.error });
  }
  return answers;
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
    expect(await answersTo([new AppError('secret.damaged', 'cannot decrypt it')])).toEqual([
      {
        status: 500,
        code: 'secret.damaged',
        error: 'cannot decrypt it; the log of the server has the details',
      },
    ]);
  });

  it('has the code and the status of the table, for every code', async () => {
    // Its keys are its codes.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const codes = Object.keys(errorCodes) as ErrorCode[];
    const answers = await answersTo(codes.map((code) => new AppError(code, 'sentence')));
    expect(answers.map(({ status, code }) => [status, code])).toEqual(
      codes.map((code) => {
        const expected = httpStatus(code);
        return expected === null ? [500, 'internal.bug'] : [expected, code];
      }),
    );
  });
});
