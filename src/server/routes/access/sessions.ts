// Session routes: the people who are signed in with the OpenID provider, and the end of somebody's session.
import { Type } from 'typebox';
import { SessionList } from '../../../model/api/administration/tokens.ts';
import { Sessions } from '../../access/oidc/sessions.ts';
import type { App, Services } from '../../services.ts';
import { Done, errors } from '../route.ts';

const tags = ['tokens'];

export function sessionRoutes(app: App, s: Services): void {
  const sessions = s.auth.people?.sessions ?? new Sessions(s.store, s.clock);

  app.get(
    '/api/sessions',
    {
      config: { access: 'full' },
      schema: {
        tags,
        summary: 'List the sessions of people who signed in, and have not ended',
        response: { 200: SessionList, ...errors },
      },
    },
    async () => {
      const open = await sessions.list();
      return {
        sessions: open.map(({ id, person, expires }) => ({
          id,
          name: person.name,
          groups: [...person.groups],
          expires_at: expires.toISOString(),
        })),
      };
    },
  );

  app.delete(
    '/api/sessions/:id',
    {
      config: { access: 'full' },
      schema: {
        tags,
        summary: 'End the session of somebody, on all servers of the store at once',
        params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$' }) }),
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      await sessions.endOf(request.params.id);
      return reply.code(204).send(null);
    },
  );
}
