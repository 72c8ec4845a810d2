// Audit routes: who changed what, when and from where; a page at a time, or all of it as lines.
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { stringifyExact } from '../../../core/text/exact-json.ts';
import { AuditList, AuditQuery } from '../../../model/api/administration/audit.ts';
import { whileAdmitted } from '../../http/admitted.ts';
import { listAudit } from '../../running/audit-list.ts';
import type { App, Services } from '../../services.ts';
import { damagedOf, errors } from '../route.ts';

export function auditRoutes(app: App, s: Services): void {
  app.get(
    '/api/audit',
    {
      config: { access: 'full' },
      schema: {
        tags: ['audit'],
        summary: 'List the changes by operators, of all records or of one',
        querystring: AuditQuery,
        response: { 200: AuditList, ...errors },
      },
    },
    async (request) => {
      const page = await listAudit(s, request.query);
      const entries = page.items.map(({ value }) => value);
      return { entries, ...damagedOf(page), next_cursor: page.nextCursor ?? null };
    },
  );

  app.get(
    '/api/audit/export',
    {
      // A HEAD would read the whole log for nobody.
      exposeHeadRoute: false,
      config: { access: 'full' },
      schema: {
        tags: ['audit'],
        summary: 'Get the whole audit log, one JSON document to a line',
        response: { 200: Type.Any({ description: 'lines of JSON' }), ...errors },
      },
    },
    (request, reply) => {
      const text = Readable.from(whileAdmitted(s, request, lines(s)), { objectMode: false });
      return reply.type('application/x-ndjson').send(text);
    },
  );
}

async function* lines({ store }: Pick<Services, 'store'>): AsyncGenerator<string> {
  for await (const { value } of store.audit.all()) yield `${stringifyExact(value)}\n`;
}
