// A machine that turns out to live while another one was taken for it.
import type { Auth } from '../access/auth.ts';
import { withOnlyToken } from '../access/tokens.ts';
import { changeMachine, type ChangeServices } from '../machines/machines.ts';
import type { Events } from '../running/events.ts';

interface TokenServices extends ChangeServices {
  readonly auth: Auth;
  readonly events: Events;
}

/** Revokes the tokens that others were given in the machine's name, all but this one and its holder's. */
export async function takeOtherTokens(s: TokenServices, id: string, token: string): Promise<void> {
  await changeMachine(s, id, (machine) => withOnlyToken(machine, token));
  s.auth.forgetMachine(id);
  s.events.publish('machine.token', { machine_id: id, token, by: `machine ${id}` });
}
