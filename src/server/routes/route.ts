// Parts that many routes share.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ErrorResponse } from '../../model/api/agent.ts';
import type { DamagedRecordView } from '../../model/api/administration/damaged.ts';
import { MachineId } from '../../model/api/request.ts';
import type { DamagedRecord } from '../../store/store.ts';
import { isOperator } from '../access/principal.ts';
import { isLoopback } from '../http/connections.ts';

export const IdParams = Type.Object({ id: MachineId });
export const Done = Type.Null({ description: 'done' });

export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ maxLength: 512, description: 'the ETag that the change is based on' }),
  ),
});

/** The conditions of a PUT. */
export const IfMatchOrNone = Type.Object({
  ...IfMatch.properties,
  'if-none-match': Type.Optional(
    Type.String({ maxLength: 512, description: '"*": only if there is none yet' }),
  ),
});

/** The error answers of every route, for the OpenAPI document. */
export const errors = { '4XX': ErrorResponse, '5XX': ErrorResponse };

/** The field of a list that names the records of its page that cannot be read; none without such. */
export function damagedOf({ damaged }: { readonly damaged: readonly DamagedRecord[] }): {
  damaged?: DamagedRecordView[];
} {
  if (damaged.length === 0) return {};
  return {
    damaged: damaged.map(({ record, error }) => ({ record, code: 'store.damaged', error })),
  };
}

/** The clients that an open stream counts for. Everybody behind a proxy on this host has its address. */
export function streamClients({
  ip,
  principal,
}: Pick<FastifyRequest, 'ip' | 'principal'>): string[] {
  const clients = isLoopback(ip) ? [] : [`address ${ip}`];
  return isOperator(principal) ? [...clients, `token ${principal.name}`] : clients;
}
