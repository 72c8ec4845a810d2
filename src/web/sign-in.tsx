// The page of somebody who is not known yet: it asks for an operator's token, or leads to the OpenID provider.
import { useEffect, useState } from 'preact/hooks';
import type { SignInWays } from '../model/api/administration/tokens.ts';
import { readSignInWays } from './administration/requests.ts';
import { useServices } from './context.ts';
import { useTask } from './parts/task.ts';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { session } = useServices();
  const [token, setToken] = useState('');
  const { busy, problem, run } = useTask(
    session.hasToken ? 'This token is not valid, or no longer valid.' : undefined,
  );
  const [days, setDays] = useState<number | undefined>();
  const signIn = async (): Promise<void> => {
    await session.signIn(token.trim(), days);
    onSignedIn();
  };

  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void run(signIn);
        }}
      >
        <h1>Dragonfly</h1>
        <ProviderLink />
        <p>
          This server needs an operator token. Its administrator creates one with{' '}
          <code>dragonfly-server token create</code>.
        </p>
        <label>
          Operator token
          <input
            type="password"
            name="token"
            autoComplete="off"
            autoFocus
            required
            value={token}
            aria-invalid={problem !== undefined}
            aria-describedby="sign-in-problem"
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <Lasting days={days} onChange={setDays} />
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
      </form>
    </main>
  );
}

const spans = { '1 day': 1, '7 days': 7, '30 days': 30, '90 days': 90 } as const;
const usualDays = 30;

interface LastingProps {
  readonly days: number | undefined;
  readonly onChange: (days: number | undefined) => void;
}

/** The choice of a session that outlives the tab, and what follows from it. */
function Lasting({ days, onChange }: LastingProps) {
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          name="lasting"
          checked={days !== undefined}
          onChange={({ currentTarget: { checked } }) => onChange(checked ? usualDays : undefined)}
        />
        Keep me signed in on this computer
      </label>
      {days !== undefined && (
        <label>
          For
          <select
            name="days"
            value={days}
            onChange={({ currentTarget: { value } }) => onChange(Number(value))}
          >
            {Object.entries(spans).map(([text, value]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      )}
      <p class="quiet">
        {days === undefined
          ? 'The token is kept in this tab only, and is forgotten when you close it.'
          : 'Until then anybody who uses this browser may do what the token allows. You can end the session under Administration, from any computer.'}
      </p>
    </>
  );
}

/** The reasons for which the server leads back from the provider, as its address gives them. */
const failures: Readonly<Record<string, string>> = {
  denied: 'You were not let in: you refused, or none of your groups has access to this server.',
  late: 'The sign-in took too long, or began in another browser. Try again.',
  away: 'The provider cannot be reached now. A token works without it.',
};

/** The way to the provider and, after it led nowhere, why; nothing where the server has no provider. */
function ProviderLink() {
  const { session } = useServices();
  const [provider, setProvider] = useState<SignInWays['provider']>(null);
  useEffect(() => {
    readSignInWays(session).then(
      (ways) => setProvider(ways.provider),
      () => {},
    );
  }, [session]);
  if (provider === null) return null;
  const here = new URL(location.href);
  const failure = failures[here.searchParams.get('sign-in') ?? ''];
  here.searchParams.delete('sign-in');
  const to = new URLSearchParams({ to: here.pathname + here.search });
  return (
    <>
      {failure !== undefined && (
        <p class="problem" role="alert">
          {failure}
        </p>
      )}
      <a class="button primary" href={`${provider.url}?${to.toString()}`}>
        Sign in with {provider.name}
      </a>
      <p class="quiet">Or with a token:</p>
    </>
  );
}
