// The backup over HTTP: the text that `restore` takes, for as long as its reader takes.
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { AppError, describeError } from '../../../core/errors.ts';
import { Dialect } from '../../../model/api/machines.ts';
import type { App, Services } from '../../services.ts';
import { errors } from '../route.ts';

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
      const text = Readable.from(lines(s, request.query.dialect), { objectMode: false });
      text.once('close', () => {
        isUnderWay = false;
      });
      const day = s.clock.now().toISOString().slice(0, 10);
      return reply
        .type('application/x-ndjson')
        .header('content-disposition', `attachment; filename="dragonfly-${day}.backup"`)
        .send(text);
    },
  );
}

/** Without its last line, which a failure keeps back, no restore takes it. */
async function* lines(
  { store, log }: Services,
  dialect: 'dragonfly' | undefined,
): AsyncGenerator<string> {
  try {
    yield* store.backup({
      dialect,
      onDamaged: ({ record, error }) => log.error({ record, error }, 'not in the backup'),
    });
  } catch (err) {
    log.error({ error: describeError(err) }, 'a backup broke off');
    throw err;
  }
}
