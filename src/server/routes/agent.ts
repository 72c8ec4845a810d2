// Check-in and heartbeat, the routes that agents call all the time.
import {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../model/api/agent.ts';
import { heartbeat } from '../checkin/heartbeats.ts';
import { agentBody } from '../http/requests/agent-body.ts';
import { refuseAgain, takeCheckin } from '../http/shortcuts/checkin.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

export const checkinPath = '/api/agent/checkin';
export const heartbeatPath = '/api/agent/heartbeat';

export function agentRoutes(app: App, s: Services): void {
  app.post(
    checkinPath,
    {
      config: { access: 'enrol' },
      validatorCompiler: agentBody(CheckinRequest),
      schema: {
        tags: ['agent'],
        summary: 'Check in: describe a machine and learn which one it is',
        body: CheckinRequest,
        response: { 200: CheckinResponse, ...errors },
      },
    },
    (request) => {
      refuseAgain(request.raw);
      return takeCheckin(s, request);
    },
  );
  app.post(
    heartbeatPath,
    {
      config: { access: 'agent', quiet: true, changesNothing: true },
      validatorCompiler: agentBody(HeartbeatRequest),
      schema: {
        tags: ['agent'],
        summary: 'Send a heartbeat and learn what to do',
        body: HeartbeatRequest,
        response: { 200: HeartbeatResponse, ...errors },
      },
    },
    (request) => heartbeat(s, request.body, request.principal),
  );
}
