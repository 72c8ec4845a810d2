// The document of the operators' page, and the browsers that it is for.
import type { FastifyReply, FastifyRequest } from 'fastify';
// Adds `sendFile` to replies.
import '@fastify/static';

/** Allows scripts and styles from this server's files alone, nothing inline, and no text as markup. */
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

/** Answers with the page, which finds out by its address what to show. It keeps the status that the reply has. */
export function sendPage(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('cache-control', 'no-cache')
    .sendFile('index.html', { cacheControl: false });
}

/** True for a browser whose address bar or link leads to an address outside the API. */
export function asksForPage({ method, url, headers: { accept = '' } }: FastifyRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    !/^\/api(?:[/?]|$)/.test(url) &&
    /\btext\/html\b/i.test(accept)
  );
}
