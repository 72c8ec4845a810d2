// The operators' page: its files from the package, and the security headers that hold for it. The page
// moves between its own addresses without loading again, so that each of them is the same document.
import fastifyStatic from '@fastify/static';
// Gives route schemas their `hide`.
import '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** Where the build puts the page, seen from src/server/routes and from dist/server/routes. */
const builtPage = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/web/' : '../../web/',
  import.meta.url,
);

const addresses = ['/', '/machines/:id', '/conflicts'];

/** Scripts and styles from this server's files alone, nothing inline, and no text becomes markup. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export async function pageRoutes(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: builtPage,
    prefix: '/assets/',
    serve: false,
    preCompressed: true,
    schemaHide: true,
  });
  const options = { config: { access: 'public' as const }, schema: { hide: true } };
  for (const address of addresses) {
    app.get(address, options, (_request, reply) =>
      reply
        .header('content-security-policy', contentSecurityPolicy)
        .header('cache-control', 'no-cache')
        .sendFile('index.html', { cacheControl: false }),
    );
  }
  // An asset's name holds the hash of its content: what it names never changes. Nothing else is a name.
  app.get<{ Params: { name: string } }>(
    '/assets/:name(^[\\w-]+\\.\\w+$)',
    options,
    (request, reply) =>
      reply.sendFile(`assets/${request.params.name}`, { maxAge: '1y', immutable: true }),
  );
}
