// Image routes: the disk images of the server's image folder, and their checksums. They are public, because
// what fetches them may be an agent of any kind.
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { sumsName, type ImageFolder, type OpenImage } from '../../../store/images/folder.ts';
import { rangeOf } from '../../http/range.ts';
import type { App, Services } from '../../services.ts';
import { errors } from '../route.ts';

/** The longest that a request for checksums waits for those not known yet. */
const sumsWaitMs = 60_000;

export function imageRoutes(app: App, s: Services): void {
  app.get(
    `/images/${sumsName}`,
    {
      config: { access: 'public' },
      schema: {
        tags: ['images'],
        summary: 'Get the SHA-256 of every image, as sha256sum prints them',
        response: { 200: Type.String({ description: 'lines of digest and name' }), ...errors },
      },
    },
    async (_request, reply) => {
      const files = await sumsWithin(folderOf(s), s);
      void reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache');
      return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
    },
  );

  app.route({
    // By itself a HEAD would read the whole file.
    method: ['GET', 'HEAD'],
    url: '/images/:name',
    config: { access: 'public' },
    schema: {
      tags: ['images'],
      summary: 'Get a disk image of the image folder',
      params: Type.Object({ name: Type.String({ maxLength: 256 }) }),
      response: {
        200: Type.Any({ description: 'the file; ranges and ETags work' }),
        206: Type.Any({ description: 'a part of the file' }),
        ...errors,
      },
    },
    handler: async (request, reply) => {
      const image = await folderOf(s).open(request.params.name);
      const { etag, sizeBytes, modifiedAt } = image;
      void reply
        .type('application/octet-stream')
        .header('accept-ranges', 'bytes')
        .header('cache-control', 'no-cache')
        .header('etag', etag)
        .header('last-modified', modifiedAt.toUTCString())
        .headers(digestOf(image));
      if (request.headers['if-none-match']?.split(/, */).includes(etag) === true) {
        await image.close();
        return reply.code(304).send();
      }
      const range = rangeOf(request.headers, { etag, sizeBytes, modifiedAt });
      if (range === 'unsatisfiable') {
        await image.close();
        return reply.code(416).header('content-range', `bytes */${sizeBytes}`).send();
      }
      const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
      if (range !== undefined) {
        void reply.code(206).header('content-range', `bytes ${start}-${end}/${sizeBytes}`);
      }
      void reply.header('content-length', end - start + 1);
      if (request.method === 'HEAD' || sizeBytes === 0) {
        await image.close();
        return reply.send('');
      }
      return reply.send(image.stream(start, end));
    },
  });
}

function folderOf({ images }: Services): ImageFolder {
  if (images !== undefined) return images;
  throw new AppError('image.unknown', 'this server has no images: set --image-dir');
}

/** The digest of the whole file, also on an answer with a part of it. Source: RFC 9530, Repr-Digest. */
function digestOf({ sha256 }: OpenImage): Record<string, string> {
  if (sha256 === undefined) return {};
  return { 'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:` };
}

/** Errors: AppError `server.busy`, which clients repeat, while large images are still being read. */
async function sumsWithin(folder: ImageFolder, { clock, stopping }: Services) {
  const over = new AbortController();
  const late = clock.sleep(sumsWaitMs, AbortSignal.any([stopping, over.signal])).then(
    () => undefined,
    () => undefined,
  );
  try {
    const files = await Promise.race([folder.hashAll(stopping), late]);
    if (files !== undefined) return files;
    throw new AppError('server.busy', 'the checksums of the images are still being computed', {
      details: { retry_after_seconds: 30 },
    });
  } finally {
    over.abort();
  }
}
