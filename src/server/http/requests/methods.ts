// Requests that no route takes: an unknown address, or a known one with another method. A browser gets the page,
// which says so in its own way.
import { AppError } from '../../../core/errors.ts';
import type { App } from '../../services.ts';
import { securityHeaders } from '../guard.ts';
import { asksForPage, sendPage } from '../page.ts';

interface Known {
  readonly address: RegExp;
  readonly methods: readonly string[];
}

/** Answers such requests. It has to be called before the routes are added. */
export function answerUnknown(app: App): void {
  const known: Known[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    known.push({ address: addressOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const fitting = known.filter(({ address }) => address.test(path));
    const allow = [...new Set(fitting.flatMap(({ methods }) => methods))].toSorted();
    if (allow.length === 0 || allow.includes(request.method)) {
      void reply.header('vary', 'accept');
      if (asksForPage(request)) return sendPage(reply.code(404).headers(securityHeaders));
      throw new AppError('route.unknown', `no such route: ${request.method} ${path}`);
    }
    throw new AppError(
      'route.method',
      `${path} does not take ${request.method}: use ${allow.join(', ')}`,
      { details: { allow } },
    );
  });
}

/** The addresses of a route: ":name" stands for one part of a path, "*" for the rest. */
function addressOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part === '*' ? '.*' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('/')}$`);
}
