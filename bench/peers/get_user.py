"""What awsiam's `get user` asks, with boto3 and nothing more: one page each, no handling of errors."""

import json
import sys

import boto3

name = sys.argv[1]
iam = boto3.client("iam")
reply = {
    "Groups": iam.list_groups_for_user(UserName=name)["Groups"],
    "AttachedPolicies": iam.list_attached_user_policies(UserName=name)["AttachedPolicies"],
    "User": iam.get_user(UserName=name)["User"],
}
json.dump(reply, sys.stdout, default=str)
