// The logs of machines: agents send theirs, operators read and follow them.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.ts';
import { LogsRequest, MachineLogs, MachineLogsQuery } from '../../model/api/logs.ts';
import { refuseOtherWorker } from '../access/own-work.ts';
import { refuseOtherMachine } from '../access/principal.ts';
import { isLoopback } from '../http/connections.ts';
import { senderOf } from '../http/guard.ts';
import { agentBody } from '../http/requests/agent-body.ts';
import { loadMachine } from '../machines/machines.ts';
import { loadShown } from '../machines/merged.ts';
import { readLogs } from '../running/machine-logs.ts';
import type { App, Services } from '../services.ts';
import { Done, errors, IdParams, streamClients } from './route.ts';

/** A waiting reader is told of new lines within this time. */
const pollMs = 500;

export function logRoutes(app: App, s: Services): void {
  app.post(
    '/api/agent/logs',
    {
      config: { access: 'agent', quiet: true },
      validatorCompiler: agentBody(LogsRequest),
      schema: {
        tags: ['agent'],
        summary: "Send lines of the machine's log",
        body: LogsRequest,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const { body, principal } = request;
      s.overload.refuse('log');
      const id = body.machine_id.toLowerCase();
      refuseOtherMachine(principal, id);
      if (principal.kind === 'stock') {
        throw new AppError('auth.denied', 'an agent without a token may not send its log');
      }
      s.limits.logs(id, isLoopback(request.ip) ? undefined : request.ip, request.bodyBytes);
      const machine = (await loadMachine(s, id)).value;
      refuseOtherWorker(principal, machine);
      if (machine.report?.boot_id !== body.boot_id) {
        throw new AppError(
          'machine.wrong-state',
          'the machine has checked in from another boot: its log is taken from that one',
        );
      }
      await s.logs.append(body);
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/api/machines/:id/logs',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: "Read a machine's log, oldest first, or wait for what follows",
        params: IdParams,
        querystring: MachineLogsQuery,
        response: { 200: MachineLogs, ...errors },
      },
    },
    async (request, reply) => {
      const id = request.params.id.toLowerCase();
      const { wait = 0, ...query } = request.query;
      await loadShown(s, request.principal, id);
      const found = await readLogs(s.store, id, query);
      if (found.lines.length > 0 || wait === 0) return found;
      return waitForLines(s, request, reply.raw, id);
    },
  );
}

type Asked = FastifyRequest<{ Querystring: MachineLogsQuery }>;

/** Waits for lines as long as the query says. Errors: also AppError `auth.*` once the sender may no longer read. */
async function waitForLines(
  s: Services,
  request: Asked,
  answer: FastifyReply['raw'],
  id: string,
): Promise<MachineLogs> {
  const { wait = 0, ...query } = request.query;
  const end = s.limits.stream('log readers', streamClients(request));
  const gone = new AbortController();
  // Not of the connection, which one reader keeps for all that it asks.
  answer.once('close', () => gone.abort());
  // One that asks no more gets what there is: it may be gone.
  const { socket } = request.raw;
  const asksNoMore = (): void => gone.abort();
  socket.once('end', asksNoMore);
  if (answer.destroyed || socket.readableEnded) gone.abort();
  const signal = AbortSignal.any([gone.signal, s.stopping]);
  const untilMs = s.clock.elapsedMs() + wait * 1000;
  try {
    let found: MachineLogs = { lines: [], next: query.cursor ?? null };
    while (found.lines.length === 0 && s.clock.elapsedMs() < untilMs && !signal.aborted) {
      await s.clock.sleep(pollMs, signal).catch(() => {});
      found = await readLogs(s.store, id, query);
    }
    await loadShown(s, await senderOf(s, request), id);
    return found;
  } finally {
    socket.off('end', asksNoMore);
    end();
  }
}
