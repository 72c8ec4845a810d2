// The backup over HTTP: the text that `restore` takes, for as long as its reader takes.
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { AppError, describeError } from '../../../core/errors.ts';
import { Dialect } from '../../../model/api/machines.ts';
import { whileAdmitted } from '../../http/admitted.ts';
import type { App, Services } from '../../services.ts';
import { errors } from '../route.ts';

/** A reader that takes less than this in so long is cut off, so that nobody keeps others from their backup. A slow one may
 *  take nothing for a minute, while what the system has buffered goes out. */
const least = { bytes: 64 * 1024, inMs: 120_000 };
/** The size of the parts in which it is seen how far a reader is. Units: bytes. */
const partBytes = 16 * 1024;

export function backupRoutes(app: App, s: Services): void {
  let isUnderWay = false;
  app.get(
    '/api/backup',
    {
      // A HEAD would read all records for nobody.
      exposeHeadRoute: false,
      config: { access: 'full', isAudited: true },
      schema: {
        tags: ['operations'],
        summary: 'Get a backup of all records; one at a time',
        querystring: Dialect,
        response: { 200: Type.Any({ description: 'lines of JSON' }), ...errors },
      },
    },
    (request, reply) => {
      if (isUnderWay) {
        throw new AppError('server.busy', 'another backup is being read: repeat when it is over', {
          details: { retry_after_seconds: 10 },
        });
      }
      isUnderWay = true;
      const reader: Reader = { taken: 0, isAwaited: false };
      const text = Readable.from(lines(s, request, reader), { objectMode: false });
      const closed = new AbortController();
      text.once('close', () => {
        isUnderWay = false;
        closed.abort();
      });
      void cutOffIfStalled(s, text, reader, closed.signal);
      const day = s.clock.now().toISOString().slice(0, 10);
      return reply
        .type('application/x-ndjson')
        .header('content-disposition', `attachment; filename="dragonfly-${day}.backup"`)
        .send(text);
    },
  );
}

interface Reader {
  /** Units: bytes. */
  taken: number;
  /** It has not taken yet what there is for it. */
  isAwaited: boolean;
}

/** Ends the text of a reader that hardly takes any of it, until `closed`. */
async function cutOffIfStalled(
  { clock }: Services,
  text: Readable,
  reader: Reader,
  closed: AbortSignal,
): Promise<void> {
  while (!closed.aborted) {
    const before = reader.taken;
    await clock.sleep(least.inMs, closed).catch(() => {});
    if (reader.isAwaited && reader.taken - before < least.bytes)
      text.destroy(new Error('its reader takes hardly any of it'));
  }
}

/** Without its last line, which a failure keeps back, no restore takes it. */
async function* lines(
  s: Services,
  request: FastifyRequest<{ Querystring: Static<typeof Dialect> }>,
  reader: Reader,
): AsyncGenerator<Buffer> {
  const { store, log } = s;
  try {
    const pieces = store.backup({
      dialect: request.query.dialect,
      onDamaged: ({ record, error }) => log.error({ record, error }, 'not in the backup'),
    });
    for await (const part of whileAdmitted(s, request, inParts(pieces))) {
      reader.isAwaited = true;
      yield part;
      reader.isAwaited = false;
      reader.taken += part.length;
    }
    // The last of it has still to go out.
    reader.isAwaited = true;
  } catch (err) {
    log.error({ error: describeError(err) }, 'a backup broke off');
    throw err;
  }
}

async function* inParts(pieces: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece);
    for (let at = 0; at < bytes.length; at += partBytes) yield bytes.subarray(at, at + partBytes);
  }
}
