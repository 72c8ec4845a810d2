// Health, readiness and metrics, for those who run the server.
import { Type } from 'typebox';
import { inTime } from '../../core/deadline.ts';
import { AppError } from '../../core/errors.ts';
import { missingBootFiles } from '../http/boot/boot-files.ts';
import type { App, Services } from '../services.ts';
import { About, Readiness, Status } from '../../model/api/agent.ts';
import { errors } from './route.ts';

/** The server counts as not ready if the store takes longer. */
const readyWithinMs = 2000;
/** Without a word for so long, changes by other servers may not have come. */
const behindMs = 10_000;

export function operationRoutes(app: App, s: Services): void {
  app.get(
    '/api/health',
    {
      config: { access: 'public', quiet: true },
      schema: {
        tags: ['operations'],
        summary: 'Say that the process is alive',
        response: { 200: Status, ...errors },
      },
    },
    () => ({ status: 'ok' as const }),
  );

  app.get(
    '/api/ready',
    {
      config: { access: 'public', quiet: true },
      schema: {
        tags: ['operations'],
        summary: 'Say whether the store answers and machines can boot',
        response: { 200: Readiness, ...errors },
      },
    },
    async () => {
      const late = (): Error =>
        new AppError('store.unavailable', `the store did not answer in ${readyWithinMs} ms`);
      await inTime(s.store.settings.list({ limit: 1 }), s.clock, readyWithinMs, late);
      s.storeHealth.refuseClosed();
      if (s.boot.dir !== undefined) await refuseIncomplete(s.boot.dir);
      const ageMs = s.store.watchAgeMs();
      const watch = ageMs < behindMs ? 'current' : 'behind';
      const seconds = Number.isFinite(ageMs) ? Math.round(ageMs / 100) / 10 : null;
      return { status: 'ok', watch, watch_age_seconds: seconds } as const;
    },
  );

  app.get(
    '/api/about',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['operations'],
        summary: 'Say which version the server has, and where it is reached',
        response: { 200: About, ...errors },
      },
    },
    () => ({
      version: s.version,
      store_bytes: s.storeBytes?.() ?? null,
      public_url: s.publicUrl ?? null,
    }),
  );

  app.get(
    '/metrics',
    {
      config: { access: 'read', quiet: true },
      schema: {
        tags: ['operations'],
        summary: 'Get metrics for Prometheus',
        produces: ['text/plain'],
        response: { 200: Type.String(), ...errors },
      },
    },
    async (_request, reply) => {
      const { registry } = s.metrics;
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );
}

async function refuseIncomplete(dir: string): Promise<void> {
  const missing = await missingBootFiles(dir);
  if (missing.length === 0) return;
  throw new AppError(
    'boot.incomplete',
    `machines cannot boot: there is no ${missing.join(', no ')}`,
    {
      details: { missing },
    },
  );
}
