// The remote shell of a machine in the netboot image: an SSH server that the agent started.
import { Type, type Static } from 'typebox';

/** As the agent tells it. */
export const RemoteShell = Type.Object({
  host_key: Type.String({
    pattern: '^ssh-ed25519 [A-Za-z0-9+/]{68}$',
    description: 'the public key of this boot, as in known_hosts',
  }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
});
export type RemoteShell = Static<typeof RemoteShell>;

/** As the record keeps it. */
export const StoredShell = Type.Object({
  ...RemoteShell.properties,
  fingerprint: Type.String({ description: 'of the host key, as ssh shows it: SHA256:…' }),
});
export type StoredShell = Static<typeof StoredShell>;
