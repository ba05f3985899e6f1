/** What the policies of those who set up callers are asked: about what, and with which condition keys. */
import test from 'ava'
import { ACCOUNT, document, scene, TRUST } from './asking.ts'

const MEMBER = `arn:aws:iam::${ACCOUNT}`
const BOB = `${MEMBER}:user/bob`
const LIMIT = 'arn:aws:iam::aws:policy/ReadOnlyAccess'

/** Bob may all but what is denied here. */
const scenery = (denied: object) => ({
  users: [
    {
      name: 'bob',
      policies: [
        {
          name: 'p',
          document: document(
            { Effect: 'Allow', Action: 'iam:*', Resource: '*' },
            { Effect: 'Deny', Resource: '*', ...denied },
          ),
        },
      ],
    },
    { name: 'eve', permissionsBoundary: LIMIT, tags: { Team: 'red' } },
  ],
  roles: [{ name: 'app', trustPolicy: TRUST, tags: { Team: 'red' } }],
  groups: [{ name: 'admins' }, { name: 'guests' }],
})

const when = (operator: string, key: string, value: string) => ({ Condition: { [operator]: { [key]: value } } })
const tag = (Key: string, Value: string) => ({ 'Tags.member.1.Key': Key, 'Tags.member.1.Value': Value })

const CASES: readonly (readonly [
  title: string,
  denied: object,
  refused: readonly [string, Record<string, string>],
  allowed: readonly [string, Record<string, string>],
])[] = [
  [
    'who joins a group is a question about the group',
    { Action: 'iam:AddUserToGroup', Resource: `${MEMBER}:group/admins` },
    ['AddUserToGroup', { UserName: 'bob', GroupName: 'admins' }],
    ['AddUserToGroup', { UserName: 'bob', GroupName: 'guests' }],
  ],
  [
    'leave ends at a date',
    { Action: 'iam:List*', ...when('DateGreaterThan', 'aws:CurrentTime', '2026-02-28T00:00:00Z') },
    ['ListUsers', {}],
    ['GetUser', { UserName: 'eve' }],
  ],
  [
    'some tags are not for everybody to give',
    { Action: 'iam:Tag*', ...when('StringEquals', 'aws:RequestTag/team', 'red') },
    ['TagUser', { UserName: 'bob', ...tag('team', 'red') }],
    ['TagUser', { UserName: 'bob', ...tag('team', 'blue') }],
  ],
  [
    'nor to take away',
    { Action: 'iam:UntagUser', ...when('ForAnyValue:StringEquals', 'aws:TagKeys', 'Team') },
    ['UntagUser', { UserName: 'eve', 'TagKeys.member.1': 'Team' }],
    ['UntagUser', { UserName: 'eve', 'TagKeys.member.1': 'Other' }],
  ],
  [
    'a role with a tag is out of reach',
    { Action: 'iam:DeleteRole', ...when('StringEquals', 'aws:ResourceTag/team', 'red') },
    ['DeleteRole', { RoleName: 'app' }],
    ['DeleteUser', { UserName: 'eve' }],
  ],
  [
    'so it is by IAM’s own name for the key',
    { Action: 'iam:Delete*', ...when('StringEquals', 'iam:ResourceTag/Team', 'red') },
    ['DeleteUser', { UserName: 'eve' }],
    ['DeleteGroup', { GroupName: 'guests' }],
  ],
  [
    'a boundary stays where it is',
    { Action: 'iam:DeleteUserPermissionsBoundary', ...when('ArnEquals', 'iam:PermissionsBoundary', LIMIT) },
    ['DeleteUserPermissionsBoundary', { UserName: 'eve' }],
    ['DeleteUserPermissionsBoundary', { UserName: 'bob' }],
  ],
  [
    'a policy is not for everybody to attach',
    { Action: 'iam:Attach*', ...when('ArnEquals', 'iam:PolicyARN', 'arn:aws:iam::aws:policy/AdministratorAccess') },
    ['AttachUserPolicy', { UserName: 'bob', PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }],
    ['AttachUserPolicy', { UserName: 'bob', PolicyArn: LIMIT }],
  ],
]

for (const [title, denied, refused, allowed] of CASES) {
  test(title, async (t) => {
    const { ask, refusal } = await scene(t, scenery(denied))
    t.regex(await refusal(...refused, BOB), /^AccessDenied: .* with an explicit deny in an identity-based policy$/)
    await t.notThrowsAsync(ask(...allowed, BOB))
  })
}
