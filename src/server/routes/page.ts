// Serves the operators' page: the files of the package, with their security headers. The page switches
// between its own addresses without reloading, so all of them serve the same document.
import fastifyStatic from '@fastify/static';
// Adds `hide` to route schemas.
import '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { sendPage } from '../http/page.ts';

/** Where the build puts the page, as seen from src/server/routes and from dist/server/routes. */
const builtPage = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/web/' : '../../web/',
  import.meta.url,
);

const addresses = [
  '/',
  '/machines',
  '/machines/:id',
  '/workflows',
  '/conflicts',
  '/templates',
  '/templates/:name',
  '/audit',
  '/administration',
];

export async function pageRoutes(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: builtPage,
    prefix: '/assets/',
    serve: false,
    preCompressed: true,
    schemaHide: true,
  });
  const options = { config: { access: 'public' as const, isPage: true }, schema: { hide: true } };
  for (const address of addresses) {
    app.get(address, options, (_request, reply) => sendPage(reply));
  }
  // An asset's name contains its content's hash, so what it names never changes. No other name is served.
  app.get<{ Params: { name: string } }>(
    '/assets/:name(^[\\w-]+\\.\\w+$)',
    options,
    (request, reply) =>
      reply.sendFile(`assets/${request.params.name}`, { maxAge: '1y', immutable: true }),
  );
}
