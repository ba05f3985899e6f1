/** AWS's own managed policies, by their ARNs. */

export function awsManagedPolicy(_arn: string): string | undefined {
  return undefined
}
