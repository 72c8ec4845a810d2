// The sender of a request, and what it may do by what it is.
import { AppError } from '../../core/errors.ts';
import type { TokenScope } from '../../model/api/administration/tokens.ts';
import type { BootSecret } from './boot-secrets.ts';

/** The access that a route demands. public: none. enrol: an enrolment token or a machine's own.
 *  agent: the machine's own token, or an operator's (read suffices to read). read, operate, full: an
 *  operator's. self: any operator's, also to change what is the sender's own. */
export type Access = 'public' | 'enrol' | 'agent' | 'read' | 'operate' | 'full' | 'self';

/** True for a route that no machine's token opens. */
export function isForOperators(access: Access): boolean {
  return access === 'read' || access === 'operate' || access === 'full' || access === 'self';
}

export type Principal =
  | {
      readonly kind: 'token';
      readonly name: string;
      readonly scope: TokenScope;
      /** It is good for machines with one of these tags alone. */
      readonly tags?: readonly string[];
      readonly sha256: string;
      /** null: never. */
      readonly expires: Date | null;
      /** By the cookie of a browser that once sent the token. */
      readonly isSession: boolean;
    }
  /** Somebody whom the OpenID provider vouches for. */
  | {
      readonly kind: 'person';
      /** As in the audit log. */
      readonly name: string;
      readonly issuer: string;
      readonly scope: Exclude<TokenScope, 'enrol'>;
      readonly tags?: readonly string[];
      readonly expires: Date;
      /** By the cookie of a browser, not by a token of the provider. */
      readonly isSession: boolean;
    }
  | { readonly kind: 'machine'; readonly machineId: string; readonly tokenId: string }
  /** A boot of the machine whose boot script gave this secret. */
  | { readonly kind: 'boot'; readonly secret: BootSecret }
  /** An agent without a token, where those are allowed. `address`: where the request came from. */
  | { readonly kind: 'stock'; readonly address: string }
  /** Not identified: any sender on a server without tokens. */
  | { readonly kind: 'anyone' };

export function allows(principal: Principal, access: Access, isRead: boolean): boolean {
  if (principal.kind === 'anyone' || principal.kind === 'stock') return true;
  if (principal.kind === 'machine') return access === 'enrol' || access === 'agent';
  if (principal.kind === 'boot') return access === 'enrol';
  if (principal.scope === 'enrol') return access === 'enrol';
  if (principal.kind === 'person' && access === 'enrol') return false;
  if (principal.scope === 'full') return true;
  if (principal.scope === 'operate') return access !== 'full' && access !== 'enrol';
  return access === 'self' || (isRead && (access === 'read' || access === 'agent'));
}

/** An address as machines tell theirs: a listener for both kinds has those of IPv4 in the form of IPv6. */
export function asTold(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** True for the sender of a token in the store, and for a person. */
export function isOperator(by: Principal): by is Extract<Principal, { kind: 'token' | 'person' }> {
  return by.kind === 'token' || by.kind === 'person';
}

/** True for an operator whose request may be that of an agent: agents come with enrolment tokens, and with their own. */
export function speaksAsOperator(by: Principal): boolean {
  return isOperator(by) && by.scope !== 'enrol';
}

/** A principal's name in logs and events. */
export function nameOf(by: Principal): string {
  switch (by.kind) {
    case 'anyone':
      return 'anyone';
    case 'stock':
      return `an agent at ${by.address}`;
    case 'machine':
      return `machine ${by.machineId}`;
    case 'boot':
      return `the boot script of ${by.secret.mac}`;
    case 'token':
    case 'person':
      return by.name;
  }
}

/** True for senders without any limit: they see secrets in clear, and what is of others. */
export function mayEverything(by: Principal): boolean {
  return by.kind === 'anyone' || (isOperator(by) && by.scope === 'full' && by.tags === undefined);
}

/** Refuses a machine's token that speaks for another machine. Errors: AppError `auth.denied`. */
export function refuseOtherMachine(by: Principal, machineId: string): void {
  if (by.kind === 'machine' && by.machineId !== machineId) {
    throw new AppError('auth.denied', 'the token belongs to another machine');
  }
}
