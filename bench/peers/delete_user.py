"""The effect of awsiam's `delete user`, call after call: no look at who is asked for, no record, no proof."""

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
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
for certificate in iam.list_signing_certificates(UserName=name)["Certificates"]:
    iam.delete_signing_certificate(UserName=name, CertificateId=certificate["CertificateId"])
for key in iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"]:
    iam.delete_ssh_public_key(UserName=name, SSHPublicKeyId=key["SSHPublicKeyId"])
for credential in iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"]:
    iam.delete_service_specific_credential(
        UserName=name, ServiceSpecificCredentialId=credential["ServiceSpecificCredentialId"]
    )
for device in iam.list_mfa_devices(UserName=name)["MFADevices"]:
    iam.deactivate_mfa_device(UserName=name, SerialNumber=device["SerialNumber"])
for group in iam.list_groups_for_user(UserName=name)["Groups"]:
    iam.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
    iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
    iam.delete_user_policy(UserName=name, PolicyName=policy)
iam.delete_user(UserName=name)
json.dump({"deleted": name}, sys.stdout)
