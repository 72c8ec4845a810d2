// Check-in and heartbeat, the routes that agents call all the time.
import {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../model/api.ts';
import { checkIn } from '../checkin/checkins.ts';
import { heartbeat } from '../checkin/heartbeats.ts';
import type { App, Services } from '../services.ts';
import { errors } from './route.ts';

export function agentRoutes(app: App, s: Services): void {
  app.post(
    '/api/agent/checkin',
    {
      config: { access: 'enrol' },
      schema: {
        tags: ['agent'],
        summary: 'Check in: describe a machine and learn which one it is',
        body: CheckinRequest,
        response: { 200: CheckinResponse, ...errors },
      },
    },
    (request) => s.overload.run(() => checkIn(s, request.body, request.principal)),
  );
  app.post(
    '/api/agent/heartbeat',
    {
      config: { access: 'agent', quiet: true },
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
