// The page of somebody who is not known yet: it asks for an operator's token, or leads to the OpenID provider.
import { useEffect, useState } from 'preact/hooks';
import type { SignInWays } from '../model/api/administration/tokens.ts';
import { readSignInWays } from './api.ts';
import { useServices } from './context.ts';
import { useTask } from './parts/task.ts';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { session } = useServices();
  const [token, setToken] = useState('');
  const { busy, problem, run } = useTask(
    session.hasToken ? 'This token is not valid, or no longer valid.' : undefined,
  );
  const signIn = async (): Promise<void> => {
    session.setToken(token.trim());
    try {
      await session.request('/api/machines?limit=1');
    } catch (err) {
      session.forgetToken();
      throw err;
    }
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
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
        <p class="quiet">The token is kept in this tab only, and is forgotten when you close it.</p>
      </form>
    </main>
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
