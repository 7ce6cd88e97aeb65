"""The effect of awsiam's `disable user`, call after call: no look at who is asked for, no record, no proof."""

import json
import sys

import boto3

name = sys.argv[1]
iam = boto3.client("iam")
try:
    iam.delete_login_profile(UserName=name)
except iam.exceptions.NoSuchEntityException:
    pass
for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
    if key["Status"] == "Active":
        iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
json.dump({"disabled": name}, sys.stdout)
